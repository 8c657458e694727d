"""Continuous batching: which requests are decoded together, step by step.

Requests join and leave between steps. A step holds the next token of every request that decodes, and fills what is left
of the batch with prompts. `Intake` moves requests from the queue to the running ones, `Slots` keeps the books of slots
and sessions, and `prefill` divides a step among prompts.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from agentnet.errors import AgentNetError, ContextOverflow, ModelError
from agentnet.models.llama.context import Context, DecodeFailed
from agentnet.models.llama.dispatcher import ResultDispatcher
from agentnet.models.llama.intake import Intake
from agentnet.models.llama.job import Job, NoRoom, settle
from agentnet.models.llama.prefill import divide_step
from agentnet.models.llama.request_queue import RequestQueue
from agentnet.models.llama.slots import SlotReservation, Slots
from agentnet.models.llama.stats import EngineStats
from agentnet.models.llama.tracing import Trace

ATTEMPTS = 2
"""How often a request takes part in a failing step before the failure is its own."""


@dataclass(slots=True)
class _Part:
    """One job's part of a step: its tokens, and how many rows of logits it gets."""

    job: Job
    tokens: list[int]
    rows: int
    tree: Trace | None = None
    """The job, where its tree is evaluated in this step; `tokens` is empty then."""


class Scheduler:
    """Decides what each step decodes. Only the engine's thread uses it. `most` is how many requests run together."""

    def __init__(self, context: Context, dispatcher: ResultDispatcher, *, most: int) -> None:
        self._context, self._cache, self._dispatcher = context, context.cache, dispatcher
        self._running: list[Job] = []
        self._queue = RequestQueue()
        self._slots = Slots(self._cache, most)
        self._intake = Intake(
            self._cache,
            self._slots,
            self._queue,
            self._running,
            most=most,
            granted=self._end,
        )
        self.stuck = False
        """Whether the last step changed nothing. The next one can change something only after a new event."""
        self._evaluated = self._preempted = self._forced = 0
        self._seconds = 0.0

    @property
    def busy(self) -> bool:
        return bool(self._queue or self._running)

    @property
    def held(self) -> bool:
        """Whether sessions hold slots, so that their next steps are to come."""
        return self._slots.held

    @property
    def patience(self) -> float | None:
        """Seconds after which a stuck scheduler may go on, because it reclaims slots then; None for never."""
        if not any(isinstance(queued, Job) for queued in self._queue):
            return None
        return self._slots.seconds_to_reclaim(self._intake.working_sessions())

    @property
    def stats(self) -> EngineStats:
        context, intake = self._context, self._intake
        return EngineStats(
            requests=intake.requests,
            prompt_tokens=intake.prompt_tokens,
            evaluated_tokens=self._evaluated,
            reused_tokens=intake.reused_tokens,
            forced_tokens=self._forced,
            steps=context.steps,
            decode_seconds=context.seconds,
            step_seconds=self._seconds,
            evicted=self._cache.evicted,
            restored=context.host_cache.restored if context.host_cache is not None else 0,
            preempted=self._preempted + self._slots.preempted,
        )

    def step(self) -> None:
        """Admit requests, decode once, and hand out the results."""
        started = time.perf_counter()
        self.stuck = True
        self._drop_cancelled()
        self._cache.expire(self._context.steps)
        self._intake.admit()
        parts = self._fill_batch()
        if parts:
            self.stuck = False
            try:
                self._decode(parts)
            except DecodeFailed as error:
                self._recover(error)
        self._seconds += time.perf_counter() - started

    def submit(self, queued: Job | SlotReservation) -> None:
        """Queue a job or a reservation."""
        self._queue.put(queued, self._slots.reservation_of(queued.session) if isinstance(queued, Job) else None)

    def end_session(self, session: object) -> None:
        """Give up the sequence that a session keeps between its steps."""
        self._slots.drop(session)
        for job in [*self._running, *self._queue]:
            if isinstance(job, Job) and job.session is session:
                job.session = None

    def end_reservation(self, reservation: SlotReservation) -> None:
        """Free the slots of a reservation."""
        self._slots.end(reservation)

    def fail_all(self, error: AgentNetError) -> None:
        """End every job with an error. The cache is not touched: it may be what failed."""
        for queued in [*self._running, *self._queue]:
            self._end(queued, error)
        self._running.clear()
        self._queue.clear()

    def _drop_cancelled(self) -> None:
        for job in [job for job in self._running if job.cancelled]:
            self._stop(job)
            job.close()
        for queued in self._queue.pop_cancelled():
            queued.close()

    def _fill_batch(self) -> list[_Part]:
        """Put the tokens of a step into the batch. Makes room in the cache for all of them."""
        while shares := divide_step(self._running, self._context.batch.capacity):
            if self._cache.make_room(sum(count for _, count in shares)):
                return [self._add(job, count) for job, count in self._in_order(shares)]
            self._preempt()
        return []

    def _in_order(self, shares: list[tuple[Job, int]]) -> list[tuple[Job, int]]:
        """Return the shares in the order of their rows: llama.cpp evaluates neighbours together only in this order."""
        if self._cache.pooled:
            return shares
        self._cache.gather([job.sequence for job, _ in shares if job.sequence is not None])
        return sorted(shares, key=lambda share: -1 if share[0].sequence is None else share[0].sequence.id)

    def _add(self, job: Job, count: int) -> _Part:
        assert job.sequence is not None
        start = len(job.sequence.tokens)
        if isinstance(job, Trace) and job.forking and count == job.pending:
            return _Part(job, [], job.fill(self._context), job)
        if count == 1 and start >= job.wanted_from:
            token = job.tokens[start]
            self._context.batch.add_one(job.sequence.id, start, token)
            return _Part(job, [token], 1)
        tokens = job.tokens[start : start + count]
        rows = max(0, start + count - max(start, job.wanted_from))
        self._context.batch.add(job.sequence.id, start, tokens, rows)
        return _Part(job, tokens, rows)

    def _decode(self, parts: list[_Part]) -> None:
        """Decode the batch and let each job take its logits."""
        logits = self._context.decode()
        for part in parts:
            assert part.job.sequence is not None
            if part.tree is not None:
                self._evaluated += part.tree.extend(self._cache)
            elif len(part.tokens) == 1:
                self._cache.extend_one(part.job.sequence, part.tokens[0])
            else:
                self._cache.extend(part.job.sequence, part.tokens)
            self._evaluated += len(part.tokens)
        done: list[Job] = []
        row, total = 0, len(logits) + self._context.filled
        for part in parts:
            first, row = row, row + part.rows
            if part.rows and self._take(part.job, logits[first:row], row - total - 1):
                done.append(part.job)
        # Only now, since what these decode overwrites the logits. Jobs that decode no more come first: after a failure
        # of another one, they would take their last logits twice.
        for job in sorted(done, key=lambda job: job.unfinished):
            self._conclude(job)

    def _take(self, job: Job, logits: Any, last: int) -> bool:
        try:
            return job.take(self._context, logits, last, self._dispatcher)
        except Exception as error:
            self._fail(job, error)
            return False

    def _conclude(self, job: Job) -> None:
        try:
            job.conclude(self._context)
            result = job.result()
        except DecodeFailed:
            raise
        except NoRoom as error:
            self._postpone(job, error)
        except Exception as error:
            self._fail(job, error)
        else:
            self._forced += job.forced
            self._stop(job)
            self._end(job, result)

    def _preempt(self) -> None:
        """Make room in the cache: take the sequence of an idle session, or send the last job back to the queue.

        The only job that is left cannot be served.
        """
        last = max(self._running, key=lambda job: job.order)
        reservation = self._slots.reservation_of(last.session)
        if self._slots.preempt(reservation):
            return
        self._stop(last)
        self._slots.drop(last.session)
        if self._running or self._slots.protects(reservation):
            self._preempted += 1
            self._queue.put_back(last)
        else:
            name = self._context.name
            self._end(last, ContextOverflow(f"{name}: the KV cache is full; set larger `cache_tokens`"))

    def _postpone(self, job: Job, error: NoRoom) -> None:
        """Have a job that lacks room tried again alone; it fails if it was alone already."""
        reservation = self._slots.reservation_of(job.session)
        if not (self._slots.preempt(reservation) or len(self._running) > 1 or self._slots.protects(reservation)):
            self._fail(job, error)
            return
        while self._slots.preempt(reservation):
            pass
        job.alone = True
        self._preempted += 1
        self._stop(job)
        self._queue.put_back(job)

    def _fail(self, job: Job, error: Exception) -> None:
        """End one job with an error of its own, without harm to the others."""
        if not isinstance(error, AgentNetError):
            error = ModelError(f"{self._context.name}: the reply failed: {type(error).__name__}: {error}")
        self._stop(job)
        self._end(job, error)

    def _recover(self, error: DecodeFailed) -> None:
        """Start over with an empty cache: every job of the failed step is tried once more, alone."""
        self._cache.clear()
        self._slots.forget()
        failed = list(self._running)
        self._running.clear()
        for job in failed:
            job.sequence = None
            job.failures += 1
            job.alone = True
            if job.failures < ATTEMPTS:
                self._queue.put_back(job)
            else:
                self._end(job, error)

    def _stop(self, job: Job) -> None:
        """Take a job out of the running ones. Later jobs may find in the cache what it leaves there."""
        assert job.sequence is not None
        self._running.remove(job)
        if job.session is None:
            self._cache.close(job.sequence)
        else:
            self._slots.keep(job.session, job.sequence)
        job.sequence = None
        self.stuck = False

    def _end(self, queued: Job | SlotReservation, result: Any = None) -> None:
        """Hand a result or an error to the caller."""
        self.stuck = False
        queued.close()
        self._dispatcher.post(queued.loop, settle, queued.future, result)
