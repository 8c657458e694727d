"""The coordinator: compiles a protocol for a network, runs it, streams its events, and resumes it."""

from agentnet.coordinator.coordinator import Coordinator, Outcome
from agentnet.coordinator.plan import Prepared, prepare

__all__ = ["Coordinator", "Outcome", "Prepared", "prepare"]
