"""The queue of an engine: by priority, then in the order of arrival, and who has a place already comes first."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from agentnet.models.llama.job import Job
from agentnet.models.llama.seats import Claim

PRIORITY = 64
"""How many places in the queue one step of priority is worth. Being finite, nobody waits for ever."""
SEATED = 2**62
"""How many places in the queue it is worth to have a place among those that are decoded already."""


class Waiting:
    """Jobs and claims that wait. Used by the engine's thread alone."""

    def __init__(self) -> None:
        self._tickets = 0
        self._heap: list[tuple[tuple[int, int], Job | Claim]] = []

    def __len__(self) -> int:
        return len(self._heap)

    def __iter__(self) -> Iterator[Job | Claim]:
        """In no order."""
        return (one for _, one in self._heap)

    def arrive(self, one: Job | Claim, seat: Claim | None) -> None:
        """Queue who has just come; `seat` is the claim that a job's session holds."""
        place = self._tickets - PRIORITY * one.priority if seat is None else seat.group - SEATED
        one.order = (place, self._tickets)
        self._tickets += 1
        self.put(one)

    def put(self, one: Job | Claim) -> None:
        """Queue somebody again, where it was before."""
        heapq.heappush(self._heap, (one.order, one))

    def pop(self) -> Job | Claim:
        """Take out who is next."""
        return heapq.heappop(self._heap)[1]

    def pop_cancelled(self) -> list[Job | Claim]:
        """Take out those whose callers have gone."""
        gone = [one for _, one in self._heap if one.cancelled]
        if gone:
            self._heap = [entry for entry in self._heap if not entry[1].cancelled]
            heapq.heapify(self._heap)
        return gone

    def clear(self) -> None:
        self._heap.clear()
