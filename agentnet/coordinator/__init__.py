"""The coordinator: compiles a protocol for a network, runs it, streams its events, and resumes it."""

from agentnet.coordinator.compiled import CompiledProtocol, compile_protocol
from agentnet.coordinator.coordinator import Coordinator
from agentnet.coordinator.outcome import Outcome

__all__ = ["CompiledProtocol", "Coordinator", "Outcome", "compile_protocol"]
