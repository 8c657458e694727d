"""Intake: which jobs and reservations leave the queue between two steps, and with what of the cache a job starts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from agentnet.models.llama.cache import Cache
from agentnet.models.llama.cells import CachedSequence
from agentnet.models.llama.job import Job
from agentnet.models.llama.prefill import waits_for_prefix
from agentnet.models.llama.prefix import common_prefix
from agentnet.models.llama.request_queue import RequestQueue
from agentnet.models.llama.slots import SlotReservation, Slots

HEADROOM = 32
"""Cells that must be free for a request to grow into when it starts."""


class Intake:
    """Moves jobs from the queue to the running ones, as far as slots and cache allow. Used by the scheduler alone.

    `granted` is called with each reservation that got its slots. `most` is how many jobs may run together.
    """

    def __init__(
        self,
        cache: Cache,
        slots: Slots,
        queue: RequestQueue,
        running: list[Job],
        *,
        most: int,
        granted: Callable[[SlotReservation], None],
    ) -> None:
        self._cache, self._slots, self._queue, self._running = cache, slots, queue, running
        self._most, self._granted = most, granted
        self.requests = self.prompt_tokens = self.reused_tokens = 0
        """Sums over the jobs that were started; a job that starts again counts once."""

    def admit(self) -> None:
        """Start what can start now, in the order of the queue."""
        passed: list[Job | SlotReservation] = []
        overtaking = False
        try:
            while self._queue and len(self._running) < self._most:
                queued = self._queue.pop()
                passed.append(queued)
                if isinstance(queued, SlotReservation):
                    if self._slots.grant(queued, self._unreserved()):
                        passed.pop()
                        self._granted(queued)
                    else:
                        overtaking = True
                    continue
                if waits_for_prefix(queued, self._running, self._cache):
                    continue
                if not (self._may_start(queued, passed, overtaking=overtaking) and self._start(queued)):
                    break  # jobs behind it must not overtake it for ever
                passed.pop()
        finally:  # whatever happens, every job is in the queue or running
            for queued in passed:
                self._queue.put_back(queued)

    def working_sessions(self, passed: Iterable[Job | SlotReservation] = ()) -> Iterator[object]:
        """The sessions with a step that is running or waits, in the queue or among those just taken from it."""
        for queued in chain(self._running, passed, self._queue):
            if isinstance(queued, Job) and queued.session is not None:
                yield queued.session

    def _unreserved(self) -> int:
        """Return how many running jobs have no reserved slot."""
        return sum(self._slots.reservation_of(job.session) is None for job in self._running)

    def _may_start(self, job: Job, passed: Iterable[Job | SlotReservation], *, overtaking: bool) -> bool:
        """Return whether there are a slot and room for a job, reclaiming slots if that is what it takes."""
        reservation = self._slots.reservation_of(job.session)
        while True:
            has_slot = reservation is not None or self._slots.free(self._unreserved(), overtaking=overtaking) > 0
            if has_slot and self._fits(job, reservation):
                return True
            if not self._slots.reclaim(self.working_sessions(passed)):
                return False

    def _fits(self, job: Job, reservation: SlotReservation | None) -> bool:
        """Return whether the cache has room for a job, or can be made to have it."""
        protected = self._slots.protects(reservation)
        if self._running and (job.alone or self._running[0].alone):
            return False
        if job.alone and reservation is None and protected:
            return False
        if reservation is not None and self._slots.keeps(job.session):
            return True
        while self._running or protected:
            promised = sum(other.pending for other in self._running)
            needed = self._cache.cells_needed(job.tokens, job.wanted_from)
            if promised + needed + HEADROOM <= self._cache.available:
                return True
            if not self._slots.preempt(reservation):
                return False
        return True

    def _start(self, job: Job) -> bool:
        """Give a job a sequence and let it run. Returns False where there is no sequence for it."""
        sequence = self._resumed(job)
        resumed = sequence is not None
        while sequence is None:
            sequence = self._cache.open(job.tokens, job.wanted_from)
            if sequence is None and not self._slots.preempt(self._slots.reservation_of(job.session)):
                return False
        job.sequence = sequence
        self._running.append(job)
        if job.reused is None:
            job.reused, job.started = len(sequence.tokens), time.perf_counter()
            if not resumed:
                self.requests += 1
                self.prompt_tokens += job.prompt_length
                self.reused_tokens += job.reused
        return True

    def _resumed(self, job: Job) -> CachedSequence | None:
        """Return the sequence that a job's session has kept, cut to the prefix that both have in common."""
        sequence = self._slots.resume(job.session)
        if sequence is None:
            return None
        if not self._cache.trim(sequence, common_prefix(sequence.tokens, job.tokens, job.wanted_from)):
            self._cache.drop(sequence)  # a recurrent state cannot be cut
            return None
        return sequence
