"""The queue of an engine: by priority, then in the order of arrival. Sessions with reserved slots come first."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from agentnet.models.llama.job import Job
from agentnet.models.llama.slots import SlotReservation

PRIORITY = 64
"""Positions in the queue that one step of priority is worth. As it is finite, no request waits for ever."""
RESERVED = 2**62
"""Positions in the queue that a reserved slot is worth."""


class RequestQueue:
    """Jobs and reservations that wait. Only the engine's thread uses it."""

    def __init__(self) -> None:
        self._tickets = 0
        self._heap: list[tuple[tuple[int, int], Job | SlotReservation]] = []

    def __len__(self) -> int:
        return len(self._heap)

    def __iter__(self) -> Iterator[Job | SlotReservation]:
        """In no order."""
        return (queued for _, queued in self._heap)

    def put(self, queued: Job | SlotReservation, reservation: SlotReservation | None) -> None:
        """Queue a new arrival; `reservation` is the one that a job's session holds."""
        arrival = self._tickets - PRIORITY * queued.priority
        position = arrival if reservation is None else reservation.group - RESERVED
        queued.order = (position, self._tickets)
        self._tickets += 1
        self.put_back(queued)

    def put_back(self, queued: Job | SlotReservation) -> None:
        """Queue again, at its old position, what was taken out."""
        heapq.heappush(self._heap, (queued.order, queued))

    def pop(self) -> Job | SlotReservation:
        """Take out the first."""
        return heapq.heappop(self._heap)[1]

    def pop_cancelled(self) -> list[Job | SlotReservation]:
        """Take out those that were cancelled."""
        cancelled = [queued for _, queued in self._heap if queued.cancelled]
        if cancelled:
            self._heap = [entry for entry in self._heap if not entry[1].cancelled]
            heapq.heapify(self._heap)
        return cancelled

    def clear(self) -> None:
        self._heap.clear()
