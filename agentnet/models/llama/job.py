"""The work that waits inside an engine: each job says which tokens its sequence shall hold, and uses the logits."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from agentnet.contracts.usage import Usage
from agentnet.errors import ModelError
from agentnet.models.llama.cells import CachedSequence
from agentnet.models.llama.context import Context
from agentnet.models.llama.dispatcher import ResultDispatcher


class NoRoom(ModelError):
    """The cache lacks the room that a job needs to conclude beside others; alone it may have it."""


class Queued:
    """An entry of an engine's queue, and the future that its caller awaits.

    It is made on the caller's event loop and belongs to the engine's thread; only `cancelled` is written by both.
    """

    def __init__(self, *, priority: int) -> None:
        self.priority = priority
        self.order = (0, 0)
        """The position in the queue, set by the queue: the lowest is served first."""
        self.cancelled = False
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()

    def close(self) -> None:
        """Free what was allocated for it. The engine's thread calls it exactly once."""


class Job(Queued, ABC):
    """One request. The scheduler brings the cache to hold `tokens`; whenever it does, `take` gets the logits."""

    def __init__(self, prompt: Sequence[int], *, wanted_from: int, priority: int) -> None:
        """`wanted_from` is the position of the first token whose logits are wanted."""
        super().__init__(priority=priority)
        self.tokens = list(prompt)
        self.prompt_length = len(self.tokens)
        self.wanted_from = wanted_from
        self.session: object | None = None
        """The session that keeps the sequence when the job is done."""
        self.sequence: CachedSequence | None = None
        """The sequence while the job is running; None while it waits."""
        self.reused: int | None = None
        """Tokens that the cache held when the job first joined the running ones."""
        self.failures = 0
        self.alone = False
        """Whether the job has to be decoded without others beside it."""
        self.started = 0.0
        self.forced = 0
        """How many tokens of the reply were forced by a grammar so far."""

    @property
    def cached(self) -> int:
        """How many of the tokens the cache holds."""
        return len(self.sequence.tokens) if self.sequence is not None else 0

    @property
    def pending(self) -> int:
        """How many tokens are still to be evaluated."""
        return len(self.tokens) - (len(self.sequence.tokens) if self.sequence is not None else 0)

    @abstractmethod
    def take(self, context: Context, logits: Any, last: int, dispatcher: ResultDispatcher) -> bool:
        """Use the logits of the tokens from `wanted_from` on. Returns whether the job is done.

        `logits` is float32 of shape (rows, vocabulary), valid during the call; `last` is the index of its last row as
        llama.cpp counts (see `Sampler.draw`). Called whenever all of `tokens` is evaluated; it may append to them.
        """

    @property
    def unfinished(self) -> bool:
        """Whether `conclude` has something to decode."""
        return False

    def conclude(self, context: Context) -> None:
        """Decode what the job itself still needs, after every job of the step has taken its logits.

        Raises `NoRoom` where others are in the way. After a failure it may be called again, behind another `take`.
        """

    @abstractmethod
    def result(self) -> Any:
        """Return what the caller gets, after `take` has said that the job is done."""

    def usage(self, completion_tokens: int) -> Usage:
        return Usage(
            calls=1,
            prompt_tokens=self.prompt_length,
            completion_tokens=completion_tokens,
            reused_tokens=self.reused or 0,
            seconds=time.perf_counter() - self.started,
        )


def settle(future: asyncio.Future[Any], result: Any) -> None:
    """Give a caller that still waits its result or error."""
    if future.done():
        return
    if isinstance(result, BaseException):
        future.set_exception(result)
    else:
        future.set_result(result)
