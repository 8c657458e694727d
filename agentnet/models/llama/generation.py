"""Generating a reply: token after token, until it ends, meets a stop string or reaches its limit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from agentnet.errors import SchemaUnsupported
from agentnet.models.base import Completion, Request, TokenChoice
from agentnet.models.llama.context import Context
from agentnet.models.llama.dispatcher import ResultDispatcher
from agentnet.models.llama.grammar import Constraint
from agentnet.models.llama.job import Job
from agentnet.models.llama.sampling import Sampler
from agentnet.models.llama.vocabulary import Vocabulary
from agentnet.models.text import TextStream
from agentnet.models.tokens import LogitsRow

Emit = Callable[[str], None]


class Generation(Job):
    """The job of one reply. `emit` gets each piece of its text on the caller's loop; None where nothing is streamed.

    Tokens that a grammar forces are not drawn: they are evaluated together with the token before them, those at the
    beginning with the prompt, and those at the end of the reply not at all. If log-probabilities are wanted, each is
    evaluated on its own.
    """

    def __init__(
        self,
        prompt: Sequence[int],
        request: Request,
        vocabulary: Vocabulary,
        limit: int,
        emit: Emit | None,
        constraint: Constraint | None,
    ) -> None:
        """`limit` is the most tokens to generate. Raises `SchemaUnsupported`."""
        super().__init__(prompt, wanted_from=len(prompt) - 1, priority=request.priority)
        self._vocabulary, self._limit, self._emit, self._constraint = vocabulary, limit, emit, constraint
        self._text = TextStream(request.sampling.stop)
        self._texts: list[str] = []
        self._logprobs: list[float] | None = [] if request.logprobs or request.top_logprobs else None
        self._top_logprobs = request.top_logprobs
        self._choices: list[TokenChoice] = []
        """The tokens that `_logprobs` belong to."""
        self._generated = 0
        self._finish: Literal["stop", "length"] = "length"
        self._sampler = Sampler(request.sampling, constraint)
        self._later: list[int] = []
        """Forced tokens that become part of the reply one by one."""
        self._begun: list[int] | None = self._take_forced()
        """Forced tokens at the beginning, until they become part of the reply with the first logits."""
        if self._begun and not self._is_last(self._begun):
            self.tokens += self._begun
            self.wanted_from = len(self.tokens) - 1

    def take(self, context: Context, logits: Any, last: int, dispatcher: ResultDispatcher) -> bool:
        row = logits[-1]
        if self._begun is not None:
            begun, self._begun = self._begun, None
            if self._say(begun, dispatcher):
                return True
        tokens = [self._later.pop(0)] if self._later else self._draw(context, row, last)
        if self._logprobs is not None:
            self._logprobs.append(log_probability(row, tokens[0]))
            self._choices.append(TokenChoice(self._piece(tokens[0]), self._likeliest(row)))
        if self._say(tokens, dispatcher):
            return True
        self.tokens += tokens
        self.wanted_from = len(self.tokens) - 1
        return False

    def result(self) -> Completion:
        text, usage = "".join(self._texts), self.usage(self._generated)
        if self._logprobs is None:
            return Completion(text, self._finish, usage)
        return Completion(text, self._finish, usage, tuple(self._logprobs), tuple(self._choices))

    def close(self) -> None:
        self._sampler.close()
        self._constraint = None

    def _draw(self, context: Context, row: Any, last: int) -> list[int]:
        """Return the next token, and the forced ones behind it."""
        token = self._sampler.draw(context.pointer, row, last)
        if token is None:
            raise SchemaUnsupported(f"{context.name}: its vocabulary cannot spell what the form asks for next")
        return [token, *self._take_forced(drawn=1)]

    def _piece(self, token: int) -> bytes:
        """Return what a token adds to the text: nothing where it ends the reply."""
        return b"" if self._vocabulary.ends(token) else self._vocabulary.piece(token)

    def _likeliest(self, row: LogitsRow) -> tuple[tuple[bytes, float], ...]:
        """Return the likeliest tokens of a row, as many as were asked for, with their log-probabilities."""
        if not self._top_logprobs:
            return ()
        count = min(self._top_logprobs, len(row))
        tokens = np.argpartition(row, len(row) - count)[len(row) - count :]
        tokens = tokens[np.lexsort((tokens, -row[tokens]))]
        return tuple((self._piece(int(token)), log_probability(row, int(token))) for token in tokens)

    def _take_forced(self, *, drawn: int = 0) -> list[int]:
        """Return the forced tokens behind `drawn` new ones, as far as the limit allows; none if they come later."""
        if self._constraint is None:
            return []
        forced = self._constraint.take_forced(self._limit - self._generated - drawn)
        self.forced += len(forced)
        if self._logprobs is not None:
            self._later, forced = forced, []
        return forced

    def _is_last(self, tokens: Sequence[int]) -> bool:
        """Return whether the reply ends with some tokens that come next, for its length or since it is complete."""
        return self._generated + len(tokens) >= self._limit or self._complete

    @property
    def _complete(self) -> bool:
        """Whether nothing can follow on what was drawn and forced so far."""
        return self._constraint is not None and not self._later and self._constraint.complete

    def _say(self, tokens: Sequence[int], dispatcher: ResultDispatcher) -> bool:
        """Make the next tokens part of the reply, and return whether it ends with them."""
        text, done, ended = "", self._is_last(tokens), self._complete
        for token in tokens:
            self._generated += 1
            if self._vocabulary.ends(token):
                ended = True
                break
            text += self._text.feed(self._vocabulary.piece(token))
            if self._text.stopped:
                ended = True
                break
        if done or ended:
            text += self._text.feed(b"", final=True)
        if ended:
            self._finish = "stop"
        self._emit_text(text, dispatcher)
        return done or ended

    def _emit_text(self, text: str, dispatcher: ResultDispatcher) -> None:
        if text:
            self._texts.append(text)
            if self._emit is not None:
                dispatcher.post(self.loop, self._emit, text)


def log_probability(logits: Any, token: int) -> float:
    """Return the natural log-probability of a token, before any sampling setting.

    `logits` is float32 of shape (vocabulary,).
    """
    row = logits.astype(np.float64)
    top = row.max()
    return float(row[token] - top - np.log(np.exp(row - top).sum()))
