"""Generating a reply: token after token, until it ends, meets a stop string or reaches its limit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from agentnet.errors import SchemaUnsupported
from agentnet.models.base import Completion, Request
from agentnet.models.llama.context import Context
from agentnet.models.llama.dispatcher import ResultDispatcher
from agentnet.models.llama.grammar import grammar_of
from agentnet.models.llama.job import Job
from agentnet.models.llama.sampling import Sampler
from agentnet.models.llama.vocabulary import Vocabulary
from agentnet.models.text import TextStream

Emit = Callable[[str], None]


class Generation(Job):
    """The job of one reply. `emit` gets each piece of its text on the caller's loop; None where nothing is streamed."""

    def __init__(
        self, prompt: Sequence[int], request: Request, vocabulary: Vocabulary, limit: int, emit: Emit | None
    ) -> None:
        """`limit` is the most tokens to generate. Raises `SchemaUnsupported`."""
        super().__init__(prompt, wanted_from=len(prompt) - 1, priority=request.priority)
        self._vocabulary, self._limit, self._emit = vocabulary, limit, emit
        self._text = TextStream(request.sampling.stop)
        self._texts: list[str] = []
        self._logprobs: list[float] | None = [] if request.logprobs else None
        self._generated = 0
        self._finish: Literal["stop", "length"] = "length"
        grammar = grammar_of(request.schema) if request.schema is not None else None
        self._sampler = Sampler(vocabulary, request.sampling, grammar)

    def take(self, context: Context, logits: Any, last: int, dispatcher: ResultDispatcher) -> bool:
        row = logits[-1]
        token = self._sampler.draw(context.pointer, row, last)
        if token is None:
            raise SchemaUnsupported(f"{context.name}: its vocabulary cannot spell what the schema asks for next")
        self._generated += 1
        if self._logprobs is not None:
            self._logprobs.append(log_probability(row, token))
        ended = self._vocabulary.ends(token)
        done = ended or self._generated >= self._limit
        self._emit_text(self._text.feed(b"" if ended else self._vocabulary.piece(token), final=done), dispatcher)
        if ended or self._text.stopped:
            self._finish = "stop"
            return True
        self.tokens.append(token)
        self.wanted_from = len(self.tokens) - 1
        return done

    def result(self) -> Completion:
        logprobs = tuple(self._logprobs) if self._logprobs is not None else None
        return Completion("".join(self._texts), self._finish, self.usage(self._generated), logprobs)

    def close(self) -> None:
        self._sampler.close()

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
