"""AgentNet: heterogeneous language models join a network, share what they can do, and reason together.

The names below are what programs and notebooks need; each is imported when it is first asked for, so that importing
`agentnet` costs nothing.
"""

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentnet.collab.library import find_protocol as find_protocol
    from agentnet.contracts.bodies import Task as Task
    from agentnet.contracts.limits import Limits as Limits
    from agentnet.contracts.messages import Message as Message
    from agentnet.contracts.protocols import Ask as Ask
    from agentnet.contracts.protocols import Best as Best
    from agentnet.contracts.protocols import Cascade as Cascade
    from agentnet.contracts.protocols import Debate as Debate
    from agentnet.contracts.protocols import Delegate as Delegate
    from agentnet.contracts.protocols import Fuse as Fuse
    from agentnet.contracts.protocols import Parallel as Parallel
    from agentnet.contracts.protocols import ProtocolSpec as ProtocolSpec
    from agentnet.contracts.protocols import Serial as Serial
    from agentnet.contracts.protocols import Verify as Verify
    from agentnet.coordinator import Coordinator as Coordinator
    from agentnet.network import Network as Network
    from agentnet.network import find_network as find_network
    from agentnet.workplace import open_workplace as open_workplace

logging.getLogger("agentnet").addHandler(logging.NullHandler())  # nothing prints from the inside

_HOMES = {
    "find_protocol": "collab.library",
    "Task": "contracts.bodies",
    "Limits": "contracts.limits",
    "Message": "contracts.messages",
    "ProtocolSpec": "contracts.protocols",
    **dict.fromkeys(
        ("Ask", "Best", "Cascade", "Debate", "Delegate", "Fuse", "Parallel", "Serial", "Verify"), "contracts.protocols"
    ),
    "Coordinator": "coordinator",
    "Network": "network",
    "find_network": "network",
    "open_workplace": "workplace",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"agentnet.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
