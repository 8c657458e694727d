"""The events of a run. The terminal view, JSON output and callers of `Session.stream` read them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from agentnet.contracts.base import WireModel
from agentnet.contracts.messages import Message
from agentnet.contracts.questions import Question
from agentnet.contracts.usage import Usage

RunStatus = Literal["running", "done", "failed", "stopped", "cancelled", "interrupted"]
"""`done` has an answer, and `failed` ended without one: these runs are over. The others can be resumed: `stopped` hit a
limit, `cancelled` is no longer wanted, `interrupted` lost its process, met a fault, or waits for a person."""


class RunStarted(WireModel):
    """The first event of a run."""

    kind: Literal["run-started"] = "run-started"
    run: str
    protocol: str
    resumed: bool = False
    members: tuple[str, ...] = Field(default=(), description="names of the network's agents, in its order")


class TurnStarted(WireModel):
    """An agent was asked; its message will have the id `message`."""

    kind: Literal["turn-started"] = "turn-started"
    run: str
    message: str
    agent: str
    node: str
    round: int
    role: str
    reply_to: tuple[str, ...] = Field(default=(), description="ids of the messages that the agent reads")


class TextStreamed(WireModel):
    """A piece of the reply that becomes the message with the id `message`."""

    kind: Literal["text"] = "text"
    run: str
    message: str
    agent: str
    text: str


class Likely(WireModel):
    """A token that might have been written, and its natural log-probability. One that ends a reply has no bytes."""

    bytes: tuple[int, ...]
    logprob: float


class WrittenToken(WireModel):
    """A token of a reply, and the likeliest ones in its place. `bytes` is None where the model names no tokens."""

    bytes: tuple[int, ...] | None
    logprob: float
    likeliest: tuple[Likely, ...] = ()


class TokensTold(WireModel):
    """The tokens of the reply that becomes the message with the id `message`, where the caller asked for them."""

    kind: Literal["tokens"] = "tokens"
    run: str
    message: str
    agent: str
    tokens: tuple[WrittenToken, ...]


class MessageSaid(WireModel):
    """A message was recorded."""

    kind: Literal["message"] = "message"
    run: str
    message: Message


class InputRequested(WireModel):
    """A person was asked, and the run waits for their words."""

    kind: Literal["input-requested"] = "input-requested"
    run: str
    question: Question


class RunEnded(WireModel):
    """The last event of a run, however it ends."""

    kind: Literal["run-ended"] = "run-ended"
    run: str
    status: RunStatus
    answer: str | None
    approved: bool | None = Field(default=None, description="whether a verifier approved the answer, if one was asked")
    detail: str = ""
    usage: Usage


Event = Annotated[
    RunStarted | TurnStarted | TextStreamed | TokensTold | MessageSaid | InputRequested | RunEnded,
    Field(discriminator="kind"),
]
