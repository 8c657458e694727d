"""What a node has to do: which requests it lets in, how many wait, and how fast it is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from agentnet.contracts.nodes import Load
from agentnet.contracts.usage import Usage
from agentnet.serving.app import Problem

MOST_INSIDE = 256
"""Requests that a node has at the same time; further ones are refused, to be sent to another node."""
AGAIN_SECONDS = 1.0
SMOOTHING = 0.2
"""Weight of the latest measurement in a mean."""
LEAST_PREFILL = 8
"""Tokens of the shortest prompt whose reading is measured."""


class Visit:
    """One request inside. Tell it when the reply begins (`begun`), and what was used (`used`)."""

    def __init__(self, alone: bool) -> None:
        self._alone, self._started = alone, time.perf_counter()
        self._first: float | None = None
        self.prefill: float | None = None
        """Tokens of the prompt that were read in a second, where nothing else was in the way."""
        self.written = 0
        """Tokens of the reply."""

    def begun(self) -> None:
        """Note that the first piece of the reply is there."""
        if self._first is None:
            self._first = time.perf_counter() - self._started

    def used(self, usage: Usage) -> None:
        """Note what the request used, at its end."""
        self.written += usage.completion_tokens
        read = usage.prompt_tokens - usage.reused_tokens
        if self._alone and self._first and read >= LEAST_PREFILL:
            self.prefill = read / self._first


class Admission:
    """Lets requests in, at most `most` at a time, and knows the node's load. Belongs to one event loop.

    `slots` says how many requests each member serves at the same time; `free_cells` returns what is free in the caches.
    """

    def __init__(
        self, slots: Mapping[str, int], *, most: int = MOST_INSIDE, free_cells: Callable[[], int | None] = lambda: None
    ) -> None:
        self._slots, self._most, self._free_cells = dict(slots), most, free_cells
        self._inside = dict.fromkeys(slots, 0)
        self._empty = asyncio.Event()
        self._empty.set()
        self._closed = False
        self._written = self._prefill = 0.0
        self._busy_since = 0.0
        self._busy_tokens = 0

    @property
    def inside(self) -> int:
        """How many requests the node has."""
        return sum(self._inside.values())

    def close(self) -> None:
        """Let nothing in any more: the node is leaving."""
        self._closed = True

    async def emptied(self) -> None:
        """Wait until no request is left."""
        await self._empty.wait()

    @contextmanager
    def enter(self, member: str) -> Iterator[Visit]:
        """Let a request of a member in for as long as the context lasts.

        Raises `Problem`: 503 if the node is leaving, 429 if it has too much to do.
        """
        if self._closed:
            raise Problem(503, "this node is leaving: ask another one", "draining", again=AGAIN_SECONDS)
        if self.inside >= self._most:
            raise Problem(
                429, f"this node has {self._most} requests already: ask another one", "busy", again=AGAIN_SECONDS
            )
        if not self.inside:
            self._busy_since, self._busy_tokens = time.perf_counter(), 0
            self._empty.clear()
        visit = Visit(alone=not self.inside)
        self._inside[member] += 1
        try:
            yield visit
        finally:
            self._inside[member] -= 1
            self._measured(visit)

    def load(self) -> Load:
        """Return what the node has to do now."""
        running = sum(min(count, self._slots[member]) for member, count in self._inside.items())
        return Load(
            running=running,
            queued=self.inside - running,
            slots=max(1, sum(self._slots.values())),
            tokens_per_second=self._written,
            prefill_per_second=self._prefill,
            free_cells=self._free_cells(),
        )

    def _measured(self, visit: Visit) -> None:
        self._busy_tokens += visit.written
        if visit.prefill is not None:
            self._prefill = _mean(self._prefill, visit.prefill)
        if not self.inside:
            self._empty.set()
            seconds = time.perf_counter() - self._busy_since
            if self._busy_tokens and seconds:
                self._written = _mean(self._written, self._busy_tokens / seconds)


def _mean(before: float, latest: float) -> float:
    return latest if not before else before + SMOOTHING * (latest - before)
