"""An agent: reads a turn, prompts its model, and answers with a typed body."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from agentnet.agents.forms import STRUCTURED, closed_replies, read_reply, schema_for
from agentnet.answers.repetition import repetition
from agentnet.contracts.bodies import Body, Proposal, Task
from agentnet.contracts.cards import Card
from agentnet.contracts.messages import Message
from agentnet.contracts.sampling import Sampling
from agentnet.contracts.usage import Usage
from agentnet.errors import ModelError, ReplyError
from agentnet.models.base import ChatMessage, Completion, Model, Request, Scorer, Scores
from agentnet.prompts import Entry, Pack, letter, readable, transcript


@dataclass(frozen=True, slots=True)
class Turn:
    """What an agent is asked to do: its role, the task, and what it may read."""

    role: str
    task: Task
    read: Sequence[Message] = ()
    labels: Sequence[str] = ()
    """For a plan: the labels that the workers' cards know."""
    max_steps: int = 8
    sampling: Sampling | None = None
    seed: int = 0
    confidence: bool = False
    """Measure how sure the model is (needs log-probabilities)."""
    scored: bool = False
    """For a vote or a verdict: nothing is written; of all replies that there can be, the likeliest counts."""


@dataclass(frozen=True, slots=True)
class Agent:
    """A member of a network. Stateless between turns: what it should know is in the turn."""

    name: str
    model: Model
    card: Card
    pack: Pack
    sampling: Sampling = field(default_factory=Sampling)

    def prompt(self, turn: Turn) -> tuple[ChatMessage, ...]:
        """The chat prompt of a turn: one user message, the stable part first and the role last."""
        return self._prompt(turn, transcript(turn.read))

    def _prompt(self, turn: Turn, entries: Sequence[Entry]) -> tuple[ChatMessage, ...]:
        text = self.pack.render(
            turn.role,
            turn.task,
            entries,
            reason=not turn.scored,
            labels=turn.labels,
            max_steps=turn.max_steps,
            name=self.name,
        )
        return ({"role": "user", "content": text},)

    def request(self, turn: Turn) -> Request:
        """The request that a turn becomes. Structured replies are held to their schema where the model can be."""
        sampling = turn.sampling or self.sampling
        if sampling.seed is None:
            sampling = sampling.model_copy(update={"seed": turn.seed})
        schema: dict[str, Any] | None = None
        entries = transcript(turn.read)
        if turn.role in STRUCTURED and not turn.scored and self.model.capabilities.schema is not False:
            letters = [entry.letter for entry in entries]
            schema = schema_for(turn.role, labels=turn.labels, letters=letters, max_steps=turn.max_steps)
        return Request(self._prompt(turn, entries), sampling, schema=schema, logprobs=turn.confidence)

    async def answer(self, request: Request, on_text: Callable[[str], None] | None = None) -> Completion:
        """The model's raw reply; `on_text` receives it piece by piece as it is written."""
        if on_text is None:
            return await self.model.generate(request)
        completion: Completion | None = None
        async for chunk in self.model.stream(request):
            if chunk.text:
                on_text(chunk.text)
            completion = chunk.completion or completion
        if completion is None:
            raise ReplyError("the model's stream ended without a completion")
        return completion

    def replies(self, turn: Turn) -> tuple[str, ...]:
        """What a scored turn chooses among: every reply that its role can have when no reason is written."""
        return closed_replies(turn.role, letters=[entry.letter for entry in transcript(turn.read)])

    async def score(self, turn: Turn, request: Request) -> Scores:
        """How likely each of the `replies` to a scored turn is. Raises `ModelError`; also where the model cannot."""
        if not isinstance(self.model, Scorer):
            raise ModelError(f"{self.model.name} cannot score replies; let {self.name} choose by reason")
        return await self.model.score_choices(request, self.replies(turn))

    def read(self, turn: Turn, reply: Completion | Scores) -> Body:
        """The typed body of a reply, or of the likeliest one of those that were scored.

        Raises `ReplyError` where the text is not in the form that the role asks for, or was cut off while it repeated
        itself, or the scores are none.
        """
        if isinstance(reply, Completion) and reply.finish == "length" and (unit := repetition(reply.text)):
            limit = (turn.sampling or self.sampling).max_tokens
            raise ReplyError(
                f"the reply runs on repeating {unit[:40]!r} and was cut off at {limit} tokens; more would not help: "
                f"let {self.name} read less, or ask another agent"
            )
        text = reply.text if isinstance(reply, Completion) else self._likeliest(turn, reply)
        shown = [message.id for message in turn.read if readable(message)]
        candidates = {letter(place): id for place, id in enumerate(shown)}
        target = shown[-1] if shown else ""
        try:
            return read_reply(
                turn.role, text, self.pack, candidates=candidates, target=target, max_steps=turn.max_steps
            )
        except ReplyError as error:
            if isinstance(reply, Completion) and reply.finish == "length":
                raise ReplyError(f"{error}; it was cut off at the token limit, raise sampling.max_tokens") from error
            raise

    def _likeliest(self, turn: Turn, scores: Scores) -> str:
        """Of equally likely replies the first: their order never lets a tie approve."""
        if confidence_of(scores) is None:
            raise ReplyError(f"{self.model.name} scored the replies with {scores.totals}, which tells nothing apart")
        shares = dict(zip(self.replies(turn), scores.shares, strict=True))
        return max(shares, key=lambda reply: shares[reply])

    def bill(self, usage: Usage) -> Usage:
        """The usage with its cost at the prices of the agent's card."""
        price = self.card.price
        cost = (usage.prompt_tokens * price.prompt + usage.completion_tokens * price.completion) / 1e6
        return usage.model_copy(update={"cost": cost}) if cost else usage


def candidate(answer: str) -> Message:
    """An answer that nobody of the network gave, as a verifier reads it."""
    body = Proposal(answer=answer, text=answer)
    return Message(id="candidate", run="", sequence=0, sender="candidate", node="", time=datetime.now(UTC), body=body)


def confidence_of(reply: Completion | Scores) -> float | None:
    """How sure the model is, between 0 and 1; None where that is not known.

    Of a written reply the geometric mean of its token probabilities; of scored replies the probability of the likeliest
    one, given that it is one of them.
    """
    if isinstance(reply, Scores):
        share = max(reply.shares)
        return None if math.isnan(share) else min(1.0, share)
    if not reply.logprobs:
        return None
    return min(1.0, math.exp(sum(reply.logprobs) / len(reply.logprobs)))
