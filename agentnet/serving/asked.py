"""What a caller asks of a served network, and the run that comes of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from agentnet.collab.asking import Protocol as Choice
from agentnet.collab.asking import Question
from agentnet.contracts.events import Event
from agentnet.contracts.limits import Limits
from agentnet.contracts.replies import ReplyOptions
from agentnet.contracts.runs import Origin, RunRecord
from agentnet.contracts.serving import Served


@dataclass(frozen=True, slots=True)
class Forked:
    """The message of another run from which a run continues."""

    record: RunRecord
    message: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a caller asks: a question, the protocol that answers it, and the options of the run."""

    question: Question
    served: Served
    protocol: Choice | None = None
    label: str | None = None
    seed: int = 0
    limits: Limits | None = None
    replies: ReplyOptions = field(default_factory=ReplyOptions)
    stream_text: bool = False
    """Whether replies are told piece by piece."""
    origin: Origin | None = None
    run: str | None = None
    """The run's id, from `RunService.reserve`; None for a new one."""
    forked: Forked | None = None
    """What the run continues from, instead of beginning with the question."""
    repeated: bool = True
    """Whether a run of that id may have begun before: not where it was reserved without a key."""


class Run:
    """A run of a caller: its id, and its events, the last of which is `RunEnded`.

    Of a run that was over before, and of one that another process executes, the events hold no pieces of text and no
    turns that begin: its messages, and its end.
    """

    def __init__(self, id: str, events: AsyncIterator[Event]) -> None:
        self.id, self.events = id, events
