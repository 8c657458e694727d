"""What an agent is to the rest of AgentNet: a member that takes a turn and replies with a typed body.

A local model, a server, a recorded model, a person and an agent in another process are siblings. An implementation
is small::

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
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar

from agentnet.contracts.bodies import Body, Proposal, Task
from agentnet.contracts.cards import Card
from agentnet.contracts.messages import CANDIDATE, Message
from agentnet.contracts.sampling import Sampling
from agentnet.contracts.usage import Usage

OnText = Callable[[str], None]
"""Receives a reply piece by piece while it is written."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What an agent is asked to do: its role, the task, and what it may read."""

    role: str
    task: Task
    read: Sequence[Message] = ()
    labels: Sequence[str] = ()
    """For a plan: the labels that the workers' cards know."""
    max_steps: int = 8
    """For a plan: the most steps it may have."""
    sampling: Sampling | None = None
    """Replaces the agent's own sampling."""
    seed: int = 0
    confidence: bool = False
    """Measure how sure the agent is (needs log-probabilities)."""
    scored: bool = False
    """For a vote or a verdict: score every possible reply instead of writing one; the likeliest counts."""
    message: str = ""
    """Id of the message that the reply becomes."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A typed body, what it took, and how sure the agent is (0 to 1; None where that is not known)."""

    body: Body
    usage: Usage = field(default_factory=Usage)
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """What a protocol needs of an agent: a role, and what playing it takes."""

    agent: str
    role: str
    logprobs: bool = False
    """Log-probabilities of what it writes."""
    fused: bool = False
    """Decoding with others, token by token."""
    bytewise: bool = False
    """Decoding with others with the probability of every next token in sight."""
    scored: bool = False
    """Scoring given replies instead of writing one."""


class Agent(ABC):
    """A member of a network. Stateless between turns: what it should know is in the turn. Safe to use concurrently."""

    name: str
    card: Card
    metered: ClassVar[bool] = True
    """Whether turns use calls, tokens, model time or money. Where they use none, limits do not hold."""

    @abstractmethod
    async def take(self, turn: Turn, on_text: OnText | None = None) -> Reply:
        """Take a turn. Cancelling the task frees what the turn uses soon after.

        A reply that is not in the form of its role is a `Reply` with an `Error` body, so that its usage counts. Raises
        `AgentNetError` where there is no reply at all.
        """

    @abstractmethod
    def with_card(self, card: Card) -> Agent:
        """Return the same agent with another card."""

    def most(self, turn: Turn) -> Usage:
        """Return the most that a turn can use. Budgets reserve it before the turn."""
        return Usage(calls=1)

    @abstractmethod
    def can(self, need: Need) -> str | None:
        """Return None where the agent can meet a need; else one line that says why not and what to do."""

    def note(self, need: Need) -> str | None:
        """Return one line where the agent meets a need less well than it could; else None."""
        return None


def candidate(answer: str) -> Message:
    """An answer from outside the network, as a verifier reads it."""
    body = Proposal(answer=answer, text=answer)
    return Message(id=CANDIDATE, run="", sequence=0, sender=CANDIDATE, node="", time=datetime.now(UTC), body=body)
