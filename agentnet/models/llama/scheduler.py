"""Continuous batching: which requests are decoded together, step by step.

Requests join and leave between steps. A step holds the next token of every request that is writing, and fills what is
left of the batch with prompts, in chunks, so that a long prompt does not stall those that write.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from agentnet.errors import AgentNetError, ContextOverflow, ModelError
from agentnet.models.llama.cache import Held
from agentnet.models.llama.context import Context, DecodeFailed
from agentnet.models.llama.counts import Counts
from agentnet.models.llama.delivery import Mailbox
from agentnet.models.llama.job import Job, NoRoom, settle
from agentnet.models.llama.prefix import WORTH, common_prefix
from agentnet.models.llama.seats import Claim, Seats
from agentnet.models.llama.waiting import Waiting

CHUNK = 128
"""Prompt tokens in a step beside requests that write."""
HEADROOM = 32
"""Cells that must be free for a request to grow into when it is admitted."""
ATTEMPTS = 2
"""How often a request takes part in a failing step before the failure is its own."""


@dataclass(slots=True)
class _Part:
    """One job's share of a step."""

    job: Job
    tokens: list[int]
    rows: int


class Scheduler:
    """Decides what each step decodes. Used by the engine's thread alone.

    `most` is how many requests are decoded together.
    """

    def __init__(self, context: Context, mailbox: Mailbox, *, most: int) -> None:
        self._context, self._cache, self._mailbox = context, context.cache, mailbox
        self._most = most
        self._waiting = Waiting()
        self._live: list[Job] = []
        self._seats = Seats(self._cache, most)
        self.stuck = False
        """Whether the last step changed nothing, so that the next one need not come before somebody comes or goes."""
        self._requests = self._asked = self._evaluated = self._reused = self._preempted = 0
        self._seconds = 0.0

    @property
    def busy(self) -> bool:
        return bool(self._waiting or self._live)

    @property
    def patience(self) -> float | None:
        """Seconds after which a step may change something even so, because a place is lent then; None for never."""
        if not any(isinstance(one, Job) for one in self._waiting):
            return None
        return self._seats.patience(self._steps())

    @property
    def counts(self) -> Counts:
        context = self._context
        return Counts(
            requests=self._requests,
            prompt_tokens=self._asked,
            evaluated_tokens=self._evaluated,
            reused_tokens=self._reused,
            steps=context.steps,
            decode_seconds=context.seconds,
            step_seconds=self._seconds,
            evicted=self._cache.evicted,
            restored=context.parking.restored if context.parking is not None else 0,
            preempted=self._preempted + self._seats.taken,
        )

    def submit(self, job: Job | Claim) -> None:
        """Queue a job or a claim."""
        self._waiting.arrive(job, self._seats.claim_of(job.session) if isinstance(job, Job) else None)

    def step(self) -> None:
        """Admit, decode once, and hand out what came of it."""
        started = time.perf_counter()
        self.stuck = True
        self._let_go()
        self._cache.expire(self._context.steps)
        self._admit()
        parts = self._fill()
        if parts:
            self.stuck = False
            try:
                self._decode(parts)
            except DecodeFailed as error:
                self._recover(error)
        self._seconds += time.perf_counter() - started

    def fail_all(self, error: AgentNetError) -> None:
        """End every job with an error, for good: what the cache holds is not looked at, it may be what failed."""
        for job in [*self._live, *self._waiting]:
            self._end(job, error)
        self._live.clear()
        self._waiting.clear()

    def end_session(self, session: object) -> None:
        """Give up the sequence that rests between the steps of a session."""
        self._seats.give_up(session)
        for job in [*self._live, *self._waiting]:
            if isinstance(job, Job) and job.session is session:
                job.session = None

    def end_claim(self, claim: Claim) -> None:
        """Take back the places of sessions."""
        self._seats.end(claim)

    def _steps(self, passed: Iterable[Job | Claim] = ()) -> Iterator[object]:
        """The sessions of which a step is decoded or waits, in the queue or among those just taken from it."""
        for job in chain(self._live, passed, self._waiting):
            if isinstance(job, Job) and job.session is not None:
                yield job.session

    def _let_go(self) -> None:
        """Free what belongs to callers that have gone."""
        for job in [job for job in self._live if job.cancelled]:
            self._leave(job)
            job.close()
        for gone in self._waiting.pop_cancelled():
            gone.close()

    def _admit(self) -> None:
        passed: list[Job | Claim] = []
        overtaking = False
        try:
            while self._waiting and len(self._live) < self._most:
                job = self._waiting.pop()
                passed.append(job)
                if isinstance(job, Claim):
                    if self._grant(job):
                        passed.pop()
                    else:
                        overtaking = True
                    continue
                if self._follows(job):
                    continue
                if not (self._let_in(job, passed, overtaking=overtaking) and self._start(job)):
                    break  # who comes later must not overtake it for ever
                passed.pop()
        finally:  # whatever happens, nobody is lost
            for one in passed:
                self._waiting.put(one)

    def _grant(self, claim: Claim) -> bool:
        """Whether a claim could be given its places."""
        granted = self._seats.grant(claim, self._others())
        if granted:
            self._end(claim, None)
        return granted

    def _others(self) -> int:
        """How many jobs are decoded that belong to nobody's claim."""
        return sum(self._seats.claim_of(job.session) is None for job in self._live)

    def _let_in(self, job: Job, passed: Iterable[Job | Claim], *, overtaking: bool) -> bool:
        """Whether a job can be admitted now, be it to a place that is lent."""
        claim = self._seats.claim_of(job.session)
        while True:
            seated = claim is not None or self._seats.free(self._others(), overtaking=overtaking) > 0
            if seated and self._fits(job, claim):
                return True
            if not self._seats.lend(self._steps(passed)):
                return False

    def _fits(self, job: Job, claim: Claim | None) -> bool:
        """Whether the cache has room for a job, or can be made to have it."""
        protected = self._seats.protected(claim)
        if self._live and (job.alone or self._live[0].alone):
            return False
        if job.alone and claim is None and protected:
            return False
        if claim is not None and self._seats.rests(job.session):
            return True
        while self._live or protected:
            promised = sum(other.pending for other in self._live)
            if promised + self._cache.claim(job.tokens, job.wanted_from) + HEADROOM <= self._cache.available:
                return True
            if not self._seats.release(claim):
                return False
        return True

    def _follows(self, job: Job) -> bool:
        """Whether a live job is on its way through a beginning that this one shares with it: it pays to wait."""
        if not self._cache.shares:
            return False
        known: int | None = None
        for leader in self._live:
            if leader.pending <= 1:
                continue
            common = common_prefix(leader.tokens, job.tokens, job.wanted_from)
            if common < _held(leader) + WORTH:
                continue
            if known is None:
                known = self._cache.reach(job.tokens, job.wanted_from)
            if common >= known + WORTH:
                return True
        return False

    def _start(self, job: Job) -> bool:
        """Give a job a sequence; whether there was one."""
        held = self._resumed(job)
        goes_on = held is not None
        while held is None:
            held = self._cache.open(job.tokens, job.wanted_from)
            if held is None and not self._seats.release(self._seats.claim_of(job.session)):
                return False
        job.held = held
        self._live.append(job)
        if job.reused is None:
            job.reused, job.started = len(held.tokens), time.perf_counter()
            if not goes_on:
                self._requests += 1
                self._asked += job.prompt_length
                self._reused += job.reused
        return True

    def _resumed(self, job: Job) -> Held | None:
        """The sequence that the last step of a job's session has left, cut to what both have in common."""
        held = self._seats.resume(job.session)
        if held is not None and not self._cache.trim(held, common_prefix(held.tokens, job.tokens, job.wanted_from)):
            self._cache.drop(held)  # a recurrent state cannot go back
            return None
        return held

    def _fill(self) -> list[_Part]:
        """Put the tokens of a step into the batch, making room in the cache for all of them."""
        while shares := self._shares():
            if self._cache.make_room(sum(count for _, count in shares)):
                return [self._add(job, count) for job, count in shares]
            self._yield_room()
        return []

    def _shares(self) -> list[tuple[Job, int]]:
        """How many tokens of which job the next step evaluates: first who writes, then who is still reading."""
        pending = [(job, job.pending) for job in self._live]
        writing = [share for share in pending if share[1] == 1]
        room = self._context.batch.capacity - len(writing)
        if writing:
            room = min(room, CHUNK)
        reading: list[tuple[Job, int]] = []
        for job, left in pending:
            if left > 1 and (count := min(_chunk(job, room), room)):
                reading.append((job, count))
                room -= count
        return writing + reading

    def _yield_room(self) -> None:
        """Take a sequence from who rests, or send the job that came last back to the queue.

        The last one of all cannot be served.
        """
        last = max(self._live, key=lambda job: job.order)
        claim = self._seats.claim_of(last.session)
        if self._seats.release(claim):
            return
        self._leave(last)
        self._seats.give_up(last.session)
        if self._live or self._seats.protected(claim):
            self._preempted += 1
            self._waiting.put(last)
        else:
            self._end(last, self._full())

    def _full(self) -> ContextOverflow:
        return ContextOverflow(f"{self._context.name}: the KV cache is full; set larger `cache_tokens`")

    def _add(self, job: Job, count: int) -> _Part:
        assert job.held is not None
        start = len(job.held.tokens)
        if count == 1 and start >= job.wanted_from:
            token = job.tokens[start]
            self._context.batch.add_one(job.held.id, start, token)
            return _Part(job, [token], 1)
        tokens = job.tokens[start : start + count]
        rows = max(0, start + count - max(start, job.wanted_from))
        self._context.batch.add(job.held.id, start, tokens, rows)
        return _Part(job, tokens, rows)

    def _decode(self, parts: list[_Part]) -> None:
        """Decode the step and let each job take its logits."""
        logits = self._context.decode()
        for part in parts:
            assert part.job.held is not None
            if len(part.tokens) == 1:
                self._cache.extend_one(part.job.held, part.tokens[0])
            else:
                self._cache.extend(part.job.held, part.tokens)
            self._evaluated += len(part.tokens)
        done: list[Job] = []
        row, total = 0, len(logits) + self._context.filled
        for part in parts:
            first, row = row, row + part.rows
            if part.rows and self._take(part.job, logits[first:row], row - total - 1):
                done.append(part.job)
        # Only now, since the logits are overwritten by what these decode; and those first that decode no more: if that
        # failed, they would take their last logits twice.
        for job in sorted(done, key=lambda job: job.unfinished):
            self._conclude(job)

    def _take(self, job: Job, logits: Any, last: int) -> bool:
        try:
            return job.take(self._context, logits, last, self._mailbox)
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
            claim = self._seats.claim_of(job.session)
            if self._seats.release(claim) or len(self._live) > 1 or self._seats.protected(claim):
                while self._seats.release(claim):
                    pass
                self._postpone(job)
            else:
                self._fail(job, error)
        except Exception as error:
            self._fail(job, error)
        else:
            self._leave(job)
            self._end(job, result)

    def _postpone(self, job: Job) -> None:
        """Have a job tried again alone."""
        job.alone = True
        self._preempted += 1
        self._leave(job)
        self._waiting.put(job)

    def _fail(self, job: Job, error: Exception) -> None:
        """End one job with an error that is its own; the others go on."""
        if not isinstance(error, AgentNetError):
            error = ModelError(f"{self._context.name}: the reply failed: {type(error).__name__}: {error}")
        self._leave(job)
        self._end(job, error)

    def _recover(self, error: DecodeFailed) -> None:
        """Start over with an empty cache: every job of the failed step is tried once more, alone."""
        self._cache.clear()
        self._seats.forget()
        live, self._live = self._live, []
        for job in live:
            job.held = None
            job.failures += 1
            job.alone = True
            if job.failures < ATTEMPTS:
                self._waiting.put(job)
            else:
                self._end(job, error)

    def _leave(self, job: Job) -> None:
        """Take a job out of the step; what it holds in the cache may be found by the next."""
        assert job.held is not None
        self._live.remove(job)
        if job.session is None:
            self._cache.close(job.held)
        else:
            self._seats.rest(job.session, job.held)
        job.held = None
        self.stuck = False

    def _end(self, job: Job | Claim, result: Any) -> None:
        self.stuck = False
        job.close()
        self._mailbox.post(job.loop, settle, job.future, result)


def _held(job: Job) -> int:
    return len(job.held.tokens) if job.held is not None else 0


def _chunk(job: Job, room: int) -> int:
    """How many tokens a reading job evaluates in a step; those whose logits are wanted never lie in two steps."""
    if job.pending <= room:
        return job.pending
    before = job.wanted_from - _held(job)
    return min(room, before) if before > 0 else 0
