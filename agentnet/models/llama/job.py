"""What waits inside an engine: requests, each with what its sequence is to hold and what it does with the logits."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from agentnet.contracts.usage import Usage
from agentnet.errors import ModelError
from agentnet.models.llama.cache import Held
from agentnet.models.llama.context import Context
from agentnet.models.llama.delivery import Mailbox


class NoRoom(ModelError):
    """The cache lacks the room that a job needs to conclude; alone it may have it."""


class Queued:
    """What waits in an engine's queue, and who is told when it is done.

    Made on the caller's event loop, worked on by the engine's thread; only `cancelled` is written by both.
    """

    def __init__(self, *, priority: int) -> None:
        self.priority = priority
        self.order = (0, 0)
        """Its place in the queue, set when it is put there: the lowest is served first."""
        self.cancelled = False
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()

    def close(self) -> None:
        """Free what was allocated for it. Called exactly once by the engine's thread."""


class Job(Queued, ABC):
    """One request. The scheduler brings the cache to hold `tokens`; whenever it does, `take` gets the logits."""

    def __init__(self, prompt: Sequence[int], *, wanted_from: int, priority: int) -> None:
        """`wanted_from` is the position from which on the logits of each token are wanted."""
        super().__init__(priority=priority)
        self.tokens = list(prompt)
        self.prompt_length = len(self.tokens)
        self.wanted_from = wanted_from
        self.session: object | None = None
        """The session that keeps the sequence when the job is done."""
        self.held: Held | None = None
        self.reused: int | None = None
        """Tokens that the cache held when the job was first admitted."""
        self.failures = 0
        self.alone = False
        """To be decoded beside nobody else."""
        self.started = 0.0

    @property
    def pending(self) -> int:
        """How many tokens are still to be evaluated."""
        return len(self.tokens) - (len(self.held.tokens) if self.held is not None else 0)

    @abstractmethod
    def take(self, context: Context, logits: Any, last: int, mailbox: Mailbox) -> bool:
        """Use the logits of the evaluated tokens from `wanted_from` on; whether the job is done.

        `logits` has shape (rows, vocabulary); `last` is the place of the last row as llama.cpp counts (see
        `Sampler.draw`). Called once all of `tokens` is evaluated; it may append to them.
        """

    @property
    def unfinished(self) -> bool:
        """Whether `conclude` has something to decode."""
        return False

    def conclude(self, context: Context) -> None:
        """Decode what the job itself still needs, after every job of the step has taken its logits.

        Raises `NoRoom` where others are in the way. May be called again after it failed, behind another `take`.
        """

    @abstractmethod
    def result(self) -> Any:
        """What the caller gets, once `take` said that the job is done."""

    def usage(self, completion_tokens: int) -> Usage:
        return Usage(
            calls=1,
            prompt_tokens=self.prompt_length,
            completion_tokens=completion_tokens,
            reused_tokens=self.reused or 0,
            seconds=time.perf_counter() - self.started,
        )


def settle(future: asyncio.Future[Any], result: Any) -> None:
    """Give a waiting caller its result or error, unless it has gone."""
    if future.done():
        return
    if isinstance(result, BaseException):
        future.set_exception(result)
    else:
        future.set_result(result)
