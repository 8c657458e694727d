"""`ModelAgent`: a model with a prompt pack. It prompts the model and reads the reply as a typed body."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from agentnet.agents.base import ANSWERING, Agent, Need, OnText, Reply, ToolUser, Turn
from agentnet.agents.forms import STRUCTURED, body_of, closed_replies, schema_for
from agentnet.agents.metering import billed, most_prompt_tokens
from agentnet.agents.tools import ModelToolUser, Toolbox
from agentnet.answers.repetition import repetition
from agentnet.contracts.bodies import Body, Error
from agentnet.contracts.cards import Card
from agentnet.contracts.events import Likely, WrittenToken
from agentnet.contracts.sampling import Sampling
from agentnet.contracts.usage import Usage
from agentnet.errors import ModelError, ReplyError
from agentnet.models.base import ChatMessage, Completion, Model, Request, Scorer, Scores
from agentnet.models.tokens import NextTokenSource, TokenStepper
from agentnet.prompts import Entry, Pack, transcript

ROUNDING = 1e-3
"""How far above 0 a log-probability counts as rounded; further above, it is none."""


@dataclass(frozen=True)
class ModelAgent(Agent):
    """A model with a name, a card, a prompt pack, its own sampling, and the tools that it may use."""

    name: str
    model: Model
    card: Card
    pack: Pack
    sampling: Sampling = field(default_factory=Sampling)
    toolbox: Toolbox | None = None

    @property
    def tools(self) -> ToolUser | None:
        if self.toolbox is None:
            return None
        return ModelToolUser(self.name, self.model, self.card, self.pack, self.sampling, self.toolbox)

    async def take(self, turn: Turn, on_text: OnText | None = None) -> Reply:
        """Prompt the model, and return its reply. Raises `ModelError`, and `NetworkError` if the pack fails."""
        if self.tools is not None and (closing := self.tools.closing(turn)) is not None:
            if on_text is not None:
                on_text(closing)
            return Reply(body_of(turn, closing, self.pack))
        request = self.request(turn)
        reply = await (self.score(turn, request) if turn.scored else self.answer(request, on_text))
        body: Body
        try:
            body = self.read(turn, reply)
        except ReplyError as error:
            body = Error(code=error.code, detail=str(error))
        usage, confidence = self.bill(reply.usage), confidence_of(reply)
        if not isinstance(reply, Completion):
            return Reply(body, usage, confidence, reply.served_by)
        tokens = tokens_of(reply) if turn.replies.top_logprobs is not None else None
        return Reply(body, usage, confidence, reply.served_by, reply.finish, tokens)

    def most(self, turn: Turn) -> Usage:
        request = self.request(turn)
        prompt = most_prompt_tokens(self.model, request)
        # A model that scores replies reads all of them.
        scored = sum(len(reply.encode()) for reply in self.replies(turn)) if turn.scored else None
        written = request.sampling.max_tokens if scored is None else scored
        return self.bill(Usage(calls=1, prompt_tokens=prompt, completion_tokens=written))

    def with_card(self, card: Card) -> ModelAgent:
        return replace(self, card=card)

    def can(self, need: Need) -> str | None:
        problems: list[str] = []
        if need.role not in self.pack.roles:
            problems.append(
                f"{self.name} is asked to {need.role}, but its prompt pack {self.pack.name!r} has no template for it "
                f"(it has {', '.join(sorted(self.pack.roles))})"
            )
        if need.logprobs and self.model.capabilities.logprobs is False:
            problems.append(
                f"{self.name} must give its confidence, but {self.model.name} gives no log-probabilities; "
                f"decide by majority instead"
            )
        if need.scored and not isinstance(self.model, Scorer):
            problems.append(
                f"{self.name} is asked to {need.role} by score, but {self.model.name} cannot score replies; "
                f"set `by: reason`, or give {self.name} a model that runs in process"
            )
        if need.format == "json_schema" and self.model.capabilities.schema is False:
            problems.append(
                f"{self.name} must reply in the form of a json_schema, but {self.model.name} cannot be held to one; "
                f"leave `format` out, or give {self.name} a model that runs in process"
            )
        if need.format in ("regex", "lark") and not self.model.capabilities.grammar:
            problems.append(
                f"{self.name} must reply in the form of a {need.format}, but {self.model.name} cannot be held to one: "
                f"set a `json_schema`, or give {self.name} a model that runs in process"
            )
        if need.bytewise and not isinstance(self.model, TokenStepper):
            problems.append(
                f"{self.name} is asked to decode byte by byte, but {self.model.name} does not show all of its "
                f"next tokens; set `level: pieces`, or leave {self.name} out"
            )
        elif need.fused and not _shows_tokens(self.model):
            problems.append(
                f"{self.name} is asked to decode with others, but {self.model.name} does not show its next "
                f"tokens; leave {self.name} out, or give it a model that runs in process"
            )
        if self.tools is not None and need.role in ANSWERING and not need.fused:
            problems += self.tools.can(need)
        return "; ".join(problems) or None

    def note(self, need: Need) -> str | None:
        notes: list[str] = []
        if need.role in STRUCTURED and not need.scored and self.model.capabilities.schema is False:
            notes.append(f"{self.name} cannot be held to a schema: a {need.role} reply that does not parse is lost")
        if need.fused and self.toolbox is not None:
            notes.append(f"{self.name} uses no tools where it decodes with others")
        if not self.model.capabilities.counts:
            notes.append(
                f"{self.name} is an outside agent: no sampling settings reach it, and it tells no tokens, so that "
                f"limits and costs count a lower bound of its words"
            )
        return "; ".join(notes) or None

    def prompt(self, turn: Turn) -> tuple[ChatMessage, ...]:
        """Return the chat prompt of a turn: one user message, with the stable part first and the role last."""
        return self._prompt(turn, transcript(turn.read))

    def _prompt(self, turn: Turn, entries: Sequence[Entry]) -> tuple[ChatMessage, ...]:
        text = self.pack.render(
            turn.role,
            turn.task,
            entries,
            step=turn.step,
            reason=not turn.scored,
            labels=turn.labels,
            scale=turn.scale,
            max_steps=turn.max_steps,
            name=self.name,
            calls=turn.calls,
        )
        return ({"role": "user", "content": text},)

    def request(self, turn: Turn) -> Request:
        """Return the model's request for a turn. A schema constrains structured replies if the model supports it."""
        sampling, free = self._sampling(turn), turn.role not in STRUCTURED
        if sampling.seed is None:
            sampling = sampling.model_copy(update={"seed": turn.seed})
        schema: dict[str, Any] | None = None
        entries = transcript(turn.read)
        if turn.role in STRUCTURED and not turn.scored and self.model.capabilities.schema is not False:
            letters = [entry.letter for entry in entries]
            schema = schema_for(
                turn.role, labels=turn.labels, letters=letters, scale=turn.scale, max_steps=turn.max_steps
            )
        if turn.format is not None:
            schema = turn.format.json_schema
        return Request(
            self._prompt(turn, entries),
            sampling,
            schema=schema,
            logprobs=turn.confidence or (free and turn.replies.top_logprobs is not None),
            regex=None if turn.format is None else turn.format.regex,
            lark=None if turn.format is None else turn.format.lark,
            top_logprobs=(turn.replies.top_logprobs or 0) if free else 0,
        )

    def _sampling(self, turn: Turn) -> Sampling:
        sampling = turn.sampling or self.sampling
        return sampling if turn.role in STRUCTURED else turn.replies.sampling(sampling)

    async def answer(self, request: Request, on_text: OnText | None = None) -> Completion:
        """Return the model's raw reply; `on_text` receives it piece by piece as it is written."""
        if on_text is None:
            return await self.model.generate(request)
        completion: Completion | None = None
        async for chunk in self.model.stream(request):
            if chunk.text:
                on_text(chunk.text)
            completion = chunk.completion or completion
        if completion is None:
            raise ReplyError(f"the stream of {self.model.name} ended without a completion")
        return completion

    def replies(self, turn: Turn) -> tuple[str, ...]:
        """Return the choices of a scored turn: every reply of its role without a reason."""
        return closed_replies(turn.role, letters=[entry.letter for entry in transcript(turn.read)], scale=turn.scale)

    async def score(self, turn: Turn, request: Request) -> Scores:
        """Return the scores of the `replies` to a turn. Raises `ModelError`, also for a model that cannot score."""
        if not isinstance(self.model, Scorer):
            raise ModelError(f"{self.model.name} cannot score replies; let {self.name} choose by reason")
        return await self.model.score_choices(request, self.replies(turn))

    def read(self, turn: Turn, reply: Completion | Scores) -> Body:
        """Return the typed body of a reply, or of the likeliest scored reply.

        Raises `ReplyError` if the text is not in the form of the role, if it was cut off while repeating itself, or if
        the scores are not numbers.
        """
        cut = isinstance(reply, Completion) and reply.finish == "length" and not turn.replies.whole
        if isinstance(reply, Completion) and cut and (unit := repetition(reply.text)):
            limit = self._sampling(turn).max_tokens
            raise ReplyError(
                f"the reply repeats {unit[:40]!r} and was cut off at {limit} tokens; more would not help: "
                f"let {self.name} read less, or ask another agent"
            )
        text = reply.text if isinstance(reply, Completion) else self._likeliest(turn, reply)
        try:
            return body_of(turn, text, self.pack)
        except ReplyError as error:
            if isinstance(reply, Completion) and reply.finish == "length":
                raise ReplyError(f"{error}; it was cut off at the token limit, raise sampling.max_tokens") from error
            raise

    def _likeliest(self, turn: Turn, scores: Scores) -> str:
        """The likeliest reply; the first of equally likely ones. Their order never lets a tie approve."""
        if confidence_of(scores) is None:
            raise ReplyError(f"{self.model.name} scored the replies with {scores.totals}, which ranks none of them")
        shares = dict(zip(self.replies(turn), scores.shares, strict=True))
        return max(shares, key=lambda reply: shares[reply])

    def bill(self, usage: Usage) -> Usage:
        """Return the usage with its cost at the prices of the agent's card."""
        return billed(usage, self.card)


def _shows_tokens(model: Model) -> bool:
    return isinstance(model, TokenStepper) or (
        isinstance(model, NextTokenSource) and model.capabilities.logprobs is not False
    )


def confidence_of(reply: Completion | Scores) -> float | None:
    """Return the model's confidence, between 0 and 1; None if it is unknown.

    For a written reply, this is the geometric mean of its token probabilities; for scored replies, the probability of
    the likeliest reply among them.
    """
    if isinstance(reply, Scores):
        share = max(reply.shares)
        return None if math.isnan(share) else min(1.0, share)
    if not reply.logprobs or not all(logprob <= ROUNDING for logprob in reply.logprobs):  # NaN is not either
        return None
    return min(1.0, math.exp(sum(reply.logprobs) / len(reply.logprobs)))


def tokens_of(reply: Completion) -> tuple[WrittenToken, ...] | None:
    """Return the tokens of a reply with their log-probabilities; None where the model gave none."""
    if reply.logprobs is None:
        return None
    if reply.tokens is None:  # the model is behind a server, which names no tokens
        return tuple(WrittenToken(bytes=None, logprob=logprob) for logprob in reply.logprobs)
    return tuple(
        WrittenToken(
            bytes=tuple(token.piece),
            logprob=logprob,
            likeliest=tuple(Likely(bytes=tuple(piece), logprob=likely) for piece, likely in token.likeliest),
        )
        for token, logprob in zip(reply.tokens, reply.logprobs, strict=True)
    )
