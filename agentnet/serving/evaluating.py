"""`EvaluationService`: evaluations that the owner of a server starts. One is made at a time, in the background.

An evaluation goes on when the page that started it is closed. Each of its trials is stored as it ends, so one that was
cancelled, or whose server ended, is resumed without making any trial again.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from agentnet.contracts.evaluations import SELECTION, EvaluationRecord, Split
from agentnet.errors import AgentNetError, BadInput
from agentnet.logs import logger
from agentnet.serving.app import Problem
from agentnet.session import Session
from agentnet.store.evaluations import Evaluations

if TYPE_CHECKING:
    from agentnet.evals.jobs import Progress
    from agentnet.evals.results import Summary

log = logger("serving")

FEWEST_MADE = 4
"""Trials that are made before it is said how long the others take."""
KEPT_SUMMARIES = 4
SUMMARY_SECONDS = 5.0
"""How old the summary of an evaluation that is being made may be: its table and charts are read one after another."""
KEPT_FAILURES = 64


@dataclass(slots=True)
class Phase:
    """A part of an evaluation, and how far it is."""

    total: int
    done: int = 0
    failed: int = 0
    """Trials without a score: a model could not be asked."""
    found: int = 0
    """Trials that had been made before."""
    begun: float | None = None
    """When it began here, by the monotonic clock."""

    @property
    def made(self) -> int:
        return self.done - self.found


@dataclass(slots=True)
class Work:
    """An evaluation that is being made here."""

    id: str
    phases: dict[str, Phase]
    """In their order: those that began, and those that are planned."""
    phase: str = ""
    """The one that is being made."""
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    """Whether its models are open and its first phase has begun, or it has ended before."""
    failure: Exception | None = None
    task: asyncio.Task[None] | None = None

    def heard(self, progress: Progress) -> None:
        """Note how far a phase is."""
        phase = self.phases.setdefault(progress.phase, Phase(progress.total))
        if phase.begun is None:
            phase.begun, phase.found = time.monotonic(), progress.done
        self.phase = progress.phase
        phase.done, phase.total, phase.failed = progress.done, progress.total, progress.failed
        self.begun.set()

    @property
    def seconds_left(self) -> float | None:
        """How long what is planned takes, at the pace so far; None until enough was made."""
        current = self.phases.get(self.phase)
        begun = [phase.begun for phase in self.phases.values() if phase.begun is not None]
        made = sum(phase.made for phase in self.phases.values())
        if current is None or current.begun is None or made < FEWEST_MADE:
            return None
        now = time.monotonic()
        pace = (now - min(begun)) / made
        here = (now - current.begun) / current.made if current.made >= FEWEST_MADE else pace
        coming = sum(phase.total for phase in self.phases.values() if phase.begun is None)
        return here * (current.total - current.done) + pace * coming


@dataclass(frozen=True, slots=True)
class _Summarised:
    """A summary that is computed or known, and what it is of."""

    task: asyncio.Task[Summary]
    state: tuple[datetime, int]
    """When the evaluation changed last, and how many trials it had."""
    begun: float


class EvaluationService:
    """Starts, cancels and resumes evaluations, and keeps the latest summaries. Belongs to one event loop."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._beginning = asyncio.Lock()
        self._work: Work | None = None
        self._ending = False
        self._failures: OrderedDict[str, str] = OrderedDict()
        self._summaries: OrderedDict[str, _Summarised] = OrderedDict()

    @property
    def store(self) -> Evaluations:
        """Where evaluations are remembered. Raises `Problem` for a server that stores nothing."""
        storage = self._session.storage
        if storage is None:
            raise Problem(404, "this server stores nothing", "not-stored")
        return storage.evaluations

    def work(self, evaluation: str) -> Work | None:
        """Return how far an evaluation is; None for one that is not being made here."""
        return self._work if self._work is not None and self._work.id == evaluation else None

    def failure(self, evaluation: str) -> str:
        """Return why an evaluation of this server went wrong; empty for any other."""
        return self._failures.get(evaluation, "")

    async def record(self, evaluation: str) -> EvaluationRecord:
        """Return the record of an evaluation by its whole id. Raises `Problem` for an unknown one."""
        try:
            record = await self.store.find(evaluation)
        except BadInput:
            record = None
        if record is None or record.id != evaluation:
            raise Problem(404, f"there is no evaluation {evaluation!r}", "no-such-evaluation")
        return record

    async def start(
        self, suite: str, *, limit: int | None = None, epochs: int | None = None, seed: int | None = None
    ) -> EvaluationRecord:
        """Start an evaluation of a shipped suite, and return it once its first phase has begun.

        Raises `BadInput`, `ModelError`, and `Problem` for an unknown suite and while another one is being made.
        """
        from agentnet.evals.loading import find_suite, shipped_suites
        from agentnet.evals.session import start

        if suite not in await asyncio.to_thread(shipped_suites):
            raise Problem(
                400, f"there is no suite {suite!r}: choose one of /api/suites", "no-such-suite", param="suite"
            )
        async with self._beginning:
            self._check_free()
            changed = find_suite(suite).changed(limit=limit, epochs=epochs, seed=seed)
            record = await start(changed, self.store, command=f"POST /api/evaluations, suite {suite}")
            await self._begin(record, new=True)
            return record

    async def resume(self, record: EvaluationRecord) -> None:
        """Go on with an evaluation; nothing happens to one that is being made here.

        Raises `BadInput`, `ModelError`, and `Problem` for one that is over and while another one is being made.
        """
        if record.status == "done":
            raise Problem(409, f"evaluation {record.id} is done: start a new one", "evaluation-done")
        async with self._beginning:
            if self.work(record.id) is None:
                self._check_free()
                await self._begin(record, new=False)

    async def cancel(self, evaluation: str) -> bool:
        """Cancel an evaluation; returns whether it was being made here. It can be resumed."""
        work = self.work(evaluation)
        if work is None or work.task is None:
            return False
        work.task.cancel()
        await asyncio.wait([work.task])
        return True

    def end(self) -> None:
        """Begin nothing any more, and cancel what is being made."""
        self._ending = True
        if self._work is not None and self._work.task is not None:
            self._work.task.cancel()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Wait at the end of the context until what was being made is over."""
        try:
            yield
        finally:
            self.end()
            if self._work is not None and self._work.task is not None:
                await asyncio.wait([self._work.task])

    async def summary(self, record: EvaluationRecord) -> Summary:
        """Return what an evaluation found so far. It is computed once for all who ask.

        That of an evaluation which is being made may be a few seconds old.
        """
        from agentnet.evals.session import summary

        counts = await self.store.counts([record.id])
        state = (record.updated, counts.get(record.id, 0))
        known = self._summaries.get(record.id)
        if known is None or not self._is_current(known, record.id, state):
            task = asyncio.create_task(summary(record.id, self.store))
            self._summaries[record.id] = known = _Summarised(task, state, time.monotonic())
            while len(self._summaries) > KEPT_SUMMARIES:
                self._summaries.popitem(last=False)
        try:
            return await asyncio.shield(known.task)
        except Exception:  # the next reader tries again
            if self._summaries.get(record.id) is known:
                del self._summaries[record.id]
            raise

    def _is_current(self, known: _Summarised, evaluation: str, state: tuple[datetime, int]) -> bool:
        if known.state == state:
            return True
        if self.work(evaluation) is None:
            return False
        return not known.task.done() or time.monotonic() - known.begun < SUMMARY_SECONDS

    def _check_free(self) -> None:
        if self._ending:
            raise Problem(503, "the server ends: ask again when it is back", "draining")
        if self._work is not None:
            raise Problem(
                409,
                f"evaluation {self._work.id} is being made; wait for its end, or cancel it",
                "evaluation-active",
            )

    async def _begin(self, record: EvaluationRecord, *, new: bool) -> None:
        self._failures.pop(record.id, None)
        phases = await self._planned(record)
        self._check_free()  # the server may have begun to end meanwhile
        self._work = work = Work(record.id, phases)
        work.task = asyncio.create_task(self._carry_out(work, record, new=new), name=f"evaluation {record.id}")
        work.task.add_done_callback(lambda _: self._over(work))  # also of a task that is cancelled before it runs
        await work.begun.wait()
        if work.failure is not None:
            raise work.failure

    async def _planned(self, record: EvaluationRecord) -> dict[str, Phase]:
        from agentnet.evals.planning import planned

        splits: tuple[Split, ...] = (SELECTION, "test")
        items = {split: await self.store.items(record.id, split) for split in splits}
        counts: Mapping[str, int] = await asyncio.to_thread(planned, record, items)
        return {name: Phase(count) for name, count in counts.items()}

    async def _carry_out(self, work: Work, record: EvaluationRecord, *, new: bool) -> None:
        from agentnet.evals.session import carry_out

        try:
            await carry_out(record, self.store, work.heard, new=new)
        except AgentNetError as error:
            self._failed(work, error, str(error))
        except Exception as error:
            log.exception("evaluation %s went wrong", record.id)
            self._failed(work, error, f"unexpected {type(error).__name__}; see the server's log")

    def _over(self, work: Work) -> None:
        self._work = None
        work.begun.set()

    def _failed(self, work: Work, error: Exception, why: str) -> None:
        work.failure = error
        self._failures[work.id] = why
        while len(self._failures) > KEPT_FAILURES:
            self._failures.popitem(last=False)
