"""Places for runs: a bounded number at the same time for one caller and for all, a bounded queue, then a refusal."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from agentnet.serving.app import Problem

MOST_RUNS = 256
"""Runs at the same time, of all callers together."""
MOST_WAITING = 256
"""Runs that wait for a place. Of one caller, no more wait than may go on."""
WAIT_SECONDS = 30.0
"""Seconds that a run waits for a place."""
MOST_AGAIN = 60.0
"""Most seconds after which a caller is told to try again."""
SMOOTHING = 0.2
"""Weight of the latest run in the mean duration of runs."""


@dataclass(eq=False, slots=True)
class _Waiting:
    caller: str
    most: int
    given: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Places:
    """Gives out places in the order of arrival, but never lets one caller's full quota keep others waiting.

    Belongs to one event loop.
    """

    def __init__(self, most: int = MOST_RUNS, *, waiting: int = MOST_WAITING, seconds: float = WAIT_SECONDS) -> None:
        """`most` runs at a time; `waiting` runs in the queue, each for at most `seconds`."""
        self._most, self._most_waiting, self._seconds = most, waiting, seconds
        self._taken: Counter[str] = Counter()
        self._queue: list[_Waiting] = []
        self._mean = 1.0

    @property
    def taken(self) -> int:
        """How many runs have a place."""
        return self._taken.total()

    @property
    def waiting(self) -> int:
        """How many runs wait for one."""
        return len(self._queue)

    @asynccontextmanager
    async def place(self, caller: str, most: int) -> AsyncIterator[Place]:
        """Have a place for as long as the context lasts; `most` is how many runs the caller may have at a time.

        Raises `Problem` (429) where the queue is full, or nothing got free in time.
        """
        before = sum(waiting.caller == caller for waiting in self._queue)
        if not self._is_free(caller, most) and (len(self._queue) >= self._most_waiting or before >= most):
            raise self._refusal(caller, most, "and as many wait already" if before >= most else "and the queue is full")
        place = Place(self, caller, most)
        await place.take(self._seconds)
        try:
            yield place
        finally:
            place.leave()

    async def enter(self, caller: str, most: int, seconds: float | None) -> None:
        """Take a place as soon as there is one, for a `Place`. Raises `Problem` where none is free within `seconds`."""
        if self._is_free(caller, most):
            self._taken[caller] += 1
            return
        mine = _Waiting(caller, most)
        self._queue.append(mine)
        try:
            async with asyncio.timeout(seconds):
                await asyncio.shield(mine.given)
        except BaseException as error:
            if mine in self._queue:
                self._queue.remove(mine)
            elif mine.given.done() and not mine.given.cancelled() and mine.given.exception() is None:
                self.leave(caller)  # it was given in the very moment
            if isinstance(error, TimeoutError):
                raise self._refusal(caller, most, f"and none got free within {self._seconds:g} s") from None
            raise

    def _is_free(self, caller: str, most: int) -> bool:
        return self.taken < self._most and self._taken[caller] < most

    def spent(self, seconds: float) -> None:
        """Note how long a run had a place; for `Place`."""
        self._mean += SMOOTHING * (seconds - self._mean)

    def leave(self, caller: str) -> None:
        """Give a place of a caller to the next run; for `Place`."""
        self._taken[caller] -= 1
        if not self._taken[caller]:
            del self._taken[caller]
        for waiting in self._queue:
            if self._is_free(waiting.caller, waiting.most):
                self._queue.remove(waiting)
                self._taken[waiting.caller] += 1
                waiting.given.set_result(None)
                return

    def _refusal(self, caller: str, most: int, why: str) -> Problem:
        own = self._taken[caller] >= most
        what = f"all {most} places of this key" if own else f"all {self._most} places of this server"
        ahead = (len(self._queue) + 1) / (most if own else self._most)
        again = min(MOST_AGAIN, max(1.0, math.ceil(self._mean * ahead)))
        return Problem(429, f"{what} are taken, {why}: try again later", "too-many-runs", again=again)


class Place:
    """What a run has while it works. It can give it up for a while, such as while a person thinks."""

    def __init__(self, places: Places, caller: str, most: int) -> None:
        self._places, self._caller, self._most = places, caller, most
        self._since: float | None = None
        """Since when it is taken; None while others may have it."""
        self._had = 0.0

    async def take(self, seconds: float | None = None) -> None:
        """Take it as soon as it is free. Raises `Problem` where that is not within `seconds`."""
        await self._places.enter(self._caller, self._most, seconds)
        self._since = time.monotonic()

    def leave(self) -> None:
        """Leave it to others for good."""
        self.give_up()
        self._places.spent(self._had)

    def give_up(self) -> None:
        """Leave it to others until it is taken again."""
        if self._since is not None:
            self._had += time.monotonic() - self._since
            self._since = None
            self._places.leave(self._caller)
