"""`Agent`: the interface of a member that takes turns and replies with typed bodies.

Local models, servers, recorded models, people and agents in other processes are siblings. An implementation is
small::

    @dataclass(frozen=True)
    class Oracle(Agent):
        name: str
        card: Card

        async def take(self, turn: Turn, on_text: OnText | None = None) -> Reply:
            return Reply(Proposal(answer="42", text="it is known => 42"), Usage(calls=1))

        def with_card(self, card: Card) -> Oracle:
            return replace(self, card=card)

        def can(self, need: Need) -> str | None:
            return None if need.role == "solve" else f"{self.name} only solves; give the role {need.role} to another"
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import ClassVar, Literal
from uuid import uuid4

from agentnet.contracts.bodies import Assignment, Body, PlannedCall, Proposal, Task, ToolCall
from agentnet.contracts.cards import Card
from agentnet.contracts.events import WrittenToken
from agentnet.contracts.formats import Format
from agentnet.contracts.messages import CANDIDATE, Message
from agentnet.contracts.replies import ReplyOptions
from agentnet.contracts.sampling import Sampling
from agentnet.contracts.usage import Usage
from agentnet.errors import AgentNetError

ANSWERING = frozenset({"solve", "revise", "review", "conclude", "synthesize"})
"""The roles whose replies are answers."""

OnText = Callable[[str], None]
"""Receives a reply piece by piece while it is written."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The input of one turn: the role, the task, and the messages that the agent may read."""

    role: str
    task: Task
    read: Sequence[Message] = ()
    labels: Sequence[str] = ()
    """For a plan: the labels on the workers' cards."""
    max_steps: int = 8
    """For a plan: the most steps that it may have."""
    scale: Sequence[str] = ()
    """For a grade: the grades that it may be, best first."""
    sampling: Sampling | None = None
    """Replaces the agent's own sampling."""
    replies: ReplyOptions = field(default_factory=ReplyOptions)
    """What the run's caller asks of free replies."""
    format: Format | None = None
    """The form that a free reply is held to."""
    seed: int = 0
    confidence: bool = False
    """Measure the agent's confidence (needs log-probabilities)."""
    scored: bool = False
    """For a vote, a verdict or a grade: score every possible reply instead of writing one; the likeliest counts."""
    message: str = ""
    """Id of the message that the reply becomes."""
    step: Assignment | None = None
    """The step of a plan that the task is: its question, and the answers of other members that it refers to."""
    calls: Sequence[ToolCall] = ()
    """The calls of tools that the agent made in this turn."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A typed body, its usage, the agent's confidence (0 to 1; None if unknown), and the node that its model is on.

    `finish` says why the text ended, if that is known, and `tokens` are its tokens, if they were asked for.
    """

    body: Body
    usage: Usage = field(default_factory=Usage)
    confidence: float | None = None
    served_by: str | None = None
    finish: Literal["stop", "length"] | None = None
    tokens: tuple[WrittenToken, ...] | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """A protocol's need of an agent: a role, and the abilities that it requires."""

    agent: str
    role: str
    logprobs: bool = False
    """Log-probabilities of the written tokens."""
    fused: bool = False
    """Decoding together with other members, token by token."""
    bytewise: bool = False
    """Decoding together with the probability of every next token."""
    raw: bool = False
    """Raw logits that are added to those of other members."""
    scored: bool = False
    """Scoring given replies instead of writing one."""
    format: str | None = None
    """Replies held to a form: `regex`, `lark` or `json_schema`."""


@dataclass(frozen=True, slots=True)
class PlannedTurn:
    """The calls of tools that an agent makes in a turn, before its reply, and what it took to plan them.

    `failure` is why a plan that was paid for cannot be used.
    """

    calls: tuple[PlannedCall, ...] = ()
    usage: Usage = field(default_factory=Usage)
    failure: AgentNetError | None = None


class ToolUser(ABC):
    """An agent's use of tools. The run makes and records the calls, and gives the turn that has them to the agent."""

    @abstractmethod
    def wanted(self, turn: Turn) -> bool:
        """Return whether tools may be used in a turn."""

    @abstractmethod
    def most(self, turn: Turn) -> Usage:
        """Return the most that planning the calls of a turn can use; budgets reserve it."""

    @abstractmethod
    async def plan(self, turn: Turn) -> PlannedTurn:
        """Return the calls to make. Other members' words and results of tools have no part in it.

        Raises `AgentNetError`.
        """

    @abstractmethod
    async def make(self, turn: Turn, call: PlannedCall, id: str) -> ToolCall:
        """Make one call, and return it with its result or its error. Whatever a server does is that call's error."""

    def closing(self, turn: Turn) -> str | None:
        """Return the reply to a turn whose answer is a tool's result; None (the default) if the agent replies itself.

        Raises `ReplyError` where there is no result.
        """
        return None

    def can(self, need: Need) -> Sequence[str]:
        """Return why the agent cannot use its tools for a need, in one line each. Default: it can."""
        return ()


class Agent(ABC):
    """A member of a network. Stateless between turns: each turn holds all of its input. Safe to use concurrently."""

    name: str
    card: Card
    metered: ClassVar[bool] = True
    """Whether turns use calls, tokens, model time or money. A run's limits hold only for metered agents."""

    @property
    def tools(self) -> ToolUser | None:
        """How the agent uses tools; None if it uses none."""
        return None

    @abstractmethod
    async def take(self, turn: Turn, on_text: OnText | None = None) -> Reply:
        """Take a turn, and return the reply. Cancelling the task frees the turn's resources soon after.

        A reply that is not in the form of its role becomes a `Reply` with an `Error` body, so that its usage counts.
        Raises `AgentNetError` if there is no reply at all.
        """

    @abstractmethod
    def with_card(self, card: Card) -> Agent:
        """Return the same agent with another card."""

    def most(self, turn: Turn) -> Usage:
        """Return the most that a turn can use; budgets reserve it before the turn."""
        return Usage(calls=1)

    @abstractmethod
    def can(self, need: Need) -> str | None:
        """Return None if the agent can meet a need; else one line that says why not and what to do."""

    def note(self, need: Need) -> str | None:
        """Return one line if the agent meets a need only partly; else None."""
        return None


async def take_alone(agent: Agent, turn: Turn, on_text: OnText | None = None) -> Reply:
    """Return the reply to a turn outside of a run: calls of tools are made for it, and recorded nowhere.

    Raises like `Agent.take`.
    """
    user = agent.tools
    if user is None or not user.wanted(turn):
        return await agent.take(turn, on_text)
    plan = await user.plan(turn)
    if plan.failure is not None:
        raise plan.failure
    calls = [await user.make(turn, call, uuid4().hex) for call in plan.calls]
    reply = await agent.take(replace(turn, calls=calls), on_text)
    return replace(reply, usage=plan.usage + Usage(calls=len(calls)) + reply.usage)


def candidate(answer: str) -> Message:
    """Return an answer from outside the network as the message that a verifier reads."""
    body = Proposal(answer=answer, text=answer)
    return Message(id=CANDIDATE, run="", sequence=0, sender=CANDIDATE, node="", time=datetime.now(UTC), body=body)
