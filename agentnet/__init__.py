"""AgentNet: heterogeneous language models join a network, share what they can do, and reason together.

::

    import agentnet

    agentnet.run("What is 347 + 285?", "vote", label="math").answer          # blocking, from anywhere

    async with agentnet.open("zoo") as session:
        outcome = await session.run("What is 17 * 23?", "debate")

The names below are what programs and notebooks need; each is imported when it is first asked for, so that importing
`agentnet` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentnet.agents import Agent as Agent
    from agentnet.agents import HumanAgent as HumanAgent
    from agentnet.agents import ModelAgent as ModelAgent
    from agentnet.agents import Need as Need
    from agentnet.agents import Reply as Reply
    from agentnet.agents import Turn as Turn
    from agentnet.collab.library import find_protocol as find_protocol
    from agentnet.contracts.bodies import Task as Task
    from agentnet.contracts.cards import Card as Card
    from agentnet.contracts.cards import Measured as Measured
    from agentnet.contracts.conversation import Conversation as Conversation
    from agentnet.contracts.events import Event as Event
    from agentnet.contracts.events import InputRequested as InputRequested
    from agentnet.contracts.events import MessageSaid as MessageSaid
    from agentnet.contracts.events import RunEnded as RunEnded
    from agentnet.contracts.events import RunStarted as RunStarted
    from agentnet.contracts.events import TextStreamed as TextStreamed
    from agentnet.contracts.events import TurnStarted as TurnStarted
    from agentnet.contracts.limits import Limits as Limits
    from agentnet.contracts.messages import Message as Message
    from agentnet.contracts.network import AgentSpec as AgentSpec
    from agentnet.contracts.network import NetworkSpec as NetworkSpec
    from agentnet.contracts.protocols import Ask as Ask
    from agentnet.contracts.protocols import Auto as Auto
    from agentnet.contracts.protocols import Best as Best
    from agentnet.contracts.protocols import Cascade as Cascade
    from agentnet.contracts.protocols import Debate as Debate
    from agentnet.contracts.protocols import Delegate as Delegate
    from agentnet.contracts.protocols import Fuse as Fuse
    from agentnet.contracts.protocols import Judge as Judge
    from agentnet.contracts.protocols import Parallel as Parallel
    from agentnet.contracts.protocols import ProtocolSpec as ProtocolSpec
    from agentnet.contracts.protocols import Route as Route
    from agentnet.contracts.protocols import Serial as Serial
    from agentnet.contracts.protocols import Synthesize as Synthesize
    from agentnet.contracts.protocols import Verify as Verify
    from agentnet.contracts.protocols import Weighted as Weighted
    from agentnet.contracts.questions import Question as Question
    from agentnet.contracts.sampling import Sampling as Sampling
    from agentnet.contracts.usage import Usage as Usage
    from agentnet.coordinator import CompiledProtocol as CompiledProtocol
    from agentnet.coordinator import Coordinator as Coordinator
    from agentnet.coordinator import Outcome as Outcome
    from agentnet.errors import AgentNetError as AgentNetError
    from agentnet.errors import BadInput as BadInput
    from agentnet.errors import LimitReached as LimitReached
    from agentnet.errors import ModelError as ModelError
    from agentnet.errors import NetworkError as NetworkError
    from agentnet.errors import PreflightError as PreflightError
    from agentnet.errors import ProtocolError as ProtocolError
    from agentnet.errors import ReplyError as ReplyError
    from agentnet.errors import ResumeError as ResumeError
    from agentnet.errors import ScenarioError as ScenarioError
    from agentnet.errors import StoreError as StoreError
    from agentnet.evals import evaluate as evaluate
    from agentnet.network import Network as Network
    from agentnet.network import Registry as Registry
    from agentnet.network import find_network as find_network
    from agentnet.once import run as run
    from agentnet.session import Session as Session
    from agentnet.session import open_session as open  # noqa: F401 - the name is what counts

    __version__: str

_NAMES = {
    "agents": "Agent HumanAgent ModelAgent Need Reply Turn",
    "collab.library": "find_protocol",
    "contracts.bodies": "Task",
    "contracts.cards": "Card Measured",
    "contracts.conversation": "Conversation",
    "contracts.events": "Event InputRequested MessageSaid RunEnded RunStarted TextStreamed TurnStarted",
    "contracts.limits": "Limits",
    "contracts.messages": "Message",
    "contracts.network": "AgentSpec NetworkSpec",
    "contracts.protocols": "Ask Auto Best Cascade Debate Delegate Fuse Judge Parallel ProtocolSpec Route Serial "
    "Synthesize Verify Weighted",
    "contracts.questions": "Question",
    "contracts.sampling": "Sampling",
    "contracts.usage": "Usage",
    "coordinator": "CompiledProtocol Coordinator Outcome",
    "errors": "AgentNetError BadInput LimitReached ModelError NetworkError PreflightError ProtocolError ReplyError "
    "ResumeError ScenarioError StoreError",
    "evals": "evaluate",
    "network": "Network Registry find_network",
    "once": "run",
    "session": "Session open",
}
_HOMES = {name: home for home, names in _NAMES.items() for name in names.split()}
_OTHER_NAMES = {"open": "open_session"}
"""What a name is called in its own module, where a built-in has the name."""

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return _version()
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"agentnet.{_HOMES[name]}"), _OTHER_NAMES.get(name, name))


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("agentnet-ai")
    except PackageNotFoundError:
        return "0+source"
