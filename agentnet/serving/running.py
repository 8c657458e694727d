"""`RunService`: runs on behalf of the callers of a server. Whatever surface they use, their runs begin and end here.

A run is *attached* to its caller's request, and cancelled when the caller goes away, or it is *detached*, goes on by
itself, asks people, and is followed, answered and cancelled by its id. A caller sees their own runs, and with the scope
`admin` all runs; any other run is as if it did not exist.

A run begins once. A request that is repeated with its idempotency key, at the same server or at a later one, gets the
runs of the first: it joins those that are active, resumes those that were cut, and reads those that are over.

A server that ends lets its runs finish for a while and then interrupts them; one that starts resumes the detached runs
that were interrupted.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

from agentnet.collab.bus import EventBus, Listener
from agentnet.contracts.events import Event, MessageSaid
from agentnet.contracts.limits import Limits
from agentnet.contracts.messages import Message
from agentnet.contracts.questions import Question as Asking
from agentnet.contracts.runs import OVER, RunRecord
from agentnet.contracts.serving import Caller, Served
from agentnet.errors import AgentNetError, BadInput
from agentnet.logs import logger
from agentnet.serving.access.quotas import Admitted, Quotas
from agentnet.serving.app import Problem
from agentnet.serving.asked import Asked, Run
from agentnet.serving.live import LiveRun
from agentnet.serving.patience import Patience
from agentnet.session import Session
from agentnet.store.listing import Place, RunFilter
from agentnet.store.requests import Requests

log = logger("serving")

DRAIN_SECONDS = 8.0
"""Seconds that runs may take to finish once the server ends."""
LONGEST_KEY = 255
"""Characters of an idempotency key."""
RECOVERED_TOGETHER = 8
"""Runs that a server resumes at the same time when it starts."""
LONGEST_PAUSE = 5.0
"""Seconds after which a run that found no place is tried again, at most."""
ENDED = "the server ended; the run can be resumed"


Watching = Callable[[str, Served], Listener]
"""Returns a listener to the events of a run, given its id and how it was asked for. One that raises is detached."""


class RunService:
    """Starts, follows, answers, cancels and resumes the runs of callers. Belongs to one event loop."""

    def __init__(
        self,
        session: Session,
        quotas: Quotas | None = None,
        *,
        watching: Sequence[Watching] = (),
        patience: Patience | None = None,
    ) -> None:
        """`quotas` say whose run may begin now; `watching` are asked for a listener to every run; `patience` is how
        runs wait for people."""
        self.session, self._watching = session, watching
        self._quotas, self._patience = quotas or Quotas(session.keys), patience or Patience()
        self._live: dict[str, LiveRun] = {}
        self._draining = False

    @property
    def draining(self) -> bool:
        """Whether the server ends, so that no run begins."""
        return self._draining

    @property
    def active(self) -> tuple[str, ...]:
        """The ids of the runs that are active here, or wait for their place."""
        return tuple(self._live)

    @property
    def questions(self) -> dict[str, Asking]:
        """The active runs that wait for a person, with what they ask."""
        return {id: live.question for id, live in self._live.items() if live.question is not None}

    @asynccontextmanager
    async def attached(self, caller: Caller, asked: Asked) -> AsyncIterator[Run]:
        """Start a run, and yield it once it has begun. Leaving the context early cancels it.

        Where `asked.run` names a run that has begun before, it is joined, or resumed if it was cut, or read if it is
        over. Of several requests that a run is attached to, the last one to leave cancels it. Raises `BadInput` and
        other errors of `Session.run` before anything has begun, and `Problem` for a caller who may not start a run now.
        """
        live = await self._entered(caller, asked, detached=False)
        if isinstance(live, str):
            async with aclosing(self.session.follow(live)) as events:  # type: ignore[type-var]
                yield Run(live, events)
            return
        live.holders += 1
        events = live.follow()
        try:
            await live.begun()
            yield Run(live.id, events)
        finally:
            live.holders -= 1
            if not (live.holders or live.detached):
                await self._end(live, self.session.cancel)

    async def start(self, caller: Caller, asked: Asked) -> str:
        """Start a detached run, and return its id once it has begun. Treats `asked.run` and raises as `attached`."""
        live = await self._entered(caller, asked, detached=True)
        if isinstance(live, str):
            return live
        live.holders += 1
        try:
            await live.begun()
        except asyncio.CancelledError:
            if live.holders == 1 and live.waits:
                await self._end(live, self.session.cancel)
            raise
        finally:
            live.holders -= 1
        return live.id

    async def reserve(self, caller: Caller, request: object, *, key: str | None, count: int = 1) -> tuple[str, ...]:
        """Return the ids of the runs of a request: new ones, or those of the same request with the same key before.

        `request` is the request as plain data, with what else tells it from others (its path), and `key` its
        ``Idempotency-Key``, None for a request without. Raises `Problem` for a key that stood for another request.
        """
        fresh = tuple(secrets.token_hex(6) for _ in range(count))
        if key is None:
            return fresh
        if not (0 < len(key) <= LONGEST_KEY and key.isprintable()):
            raise Problem(
                400,
                f"an Idempotency-Key has 1 to {LONGEST_KEY} printable characters",
                "bad-key",
                param="Idempotency-Key",
            )
        storage = self.session.storage
        if storage is None:
            raise Problem(400, "this server remembers no runs: ask without an Idempotency-Key", "not-stored")
        digest = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
        ids = await Requests(storage.database).reserve(caller.id, key, digest, fresh)
        if ids is None:
            raise Problem(
                422,
                "this Idempotency-Key stood for another request: use a new one",
                "key-reused",
                param="Idempotency-Key",
            )
        return ids

    async def record(self, caller: Caller, run: str) -> RunRecord:
        """Return the record of a run that the caller may see. Raises `Problem` for any other."""
        try:
            record = await self.session.runs.record(run)
        except BadInput:
            record = None
        served = record.served if record is not None else None
        if record is None or not (caller.may("admin") or (served is not None and served.caller == caller.id)):
            raise Problem(404, f"there is no run {run[:64]!r}", "no-such-run")
        return record

    async def listed(
        self, caller: Caller, wanted: RunFilter, *, behind: Place | None = None, limit: int = 50
    ) -> list[RunRecord]:
        """Return the wanted runs among those that the caller may see, those that changed last first."""
        if not caller.may("admin"):
            wanted = replace(wanted, caller=caller.id)
        runs = self.session.runs
        if wanted.statuses is not None:
            await runs.settle()
        return await runs.listed(wanted, behind=behind, limit=limit)

    async def messages(self, caller: Caller, run: str, after: int = -1) -> list[Message]:
        """Return the messages of a run behind a sequence, in their order. Raises `Problem` as `record` does."""
        return await self.session.runs.messages((await self.record(caller, run)).id, after)

    async def question(self, caller: Caller, run: str) -> Asking | None:
        """Return the question for a person that an active run waits for. Raises `Problem` as `record` does."""
        live = self._live.get((await self.record(caller, run)).id)
        return None if live is None else live.question

    async def follow(self, caller: Caller, run: str, after: int = -1) -> AsyncIterator[Event]:
        """Yield the events of a run, with the messages behind a sequence, up to `RunEnded`. Leaving does not affect it.

        A listener that comes late gets the messages so far, then the turns that are not over, each with all that was
        written of it.
        """
        record = await self.record(caller, run)
        live = self._live.get(record.id)
        events = self.session.follow(record.id) if live is None else live.follow()
        async with aclosing(events):  # type: ignore[type-var]
            async for event in events:
                if not (isinstance(event, MessageSaid) and event.message.sequence <= after):
                    yield event

    async def answer(self, caller: Caller, run: str, words: str, *, wait: bool = True) -> None:
        """Give the words of the person that a run asks; one that was left waiting is resumed for it.

        Waits until they are recorded, unless told not to. Raises `Problem` for a run that waits for no person, for
        words that are none of the choices, and where the run ends before it took them.
        """
        record = await self.record(caller, run)
        live = self._live.get(record.id)
        if live is None:
            live = await self._resumed(caller, record, detached=True)
            await live.begun()
            await live.asks()
        recorded = live.answer(words)
        if wait and not await asyncio.shield(recorded):
            raise Problem(503, f"run {live.id} was cut before it took the answer: say it again", "not-taken", again=1.0)

    async def cancel(self, caller: Caller, run: str) -> bool:
        """Cancel a run that is active here; returns whether it was. Raises `Problem` as `record` does."""
        record = await self.record(caller, run)
        live = self._live.get(record.id)
        if live is not None:
            await self._end(live, self.session.cancel)
        return live is not None

    async def resume(self, caller: Caller, run: str, limits: Limits | None = None) -> None:
        """Continue a run that is neither over nor active, detached; `limits` replace its own.

        Its record, which its chain seals, keeps how it began: `recover` leaves one that began attached.

        Raises `Problem` as `record` does and for a caller who may start no run now, and the errors of `Session.resume`.
        """
        record = await self.record(caller, run)
        live = self._live.get(record.id) or await self._resumed(caller, record, detached=True, limits=limits)
        await live.begun()

    @asynccontextmanager
    async def running(self, drain: float = DRAIN_SECONDS) -> AsyncIterator[None]:
        """Resume what was interrupted, and when the context ends, let the runs finish for `drain` seconds.

        What goes on then is interrupted. Inside the session's context, and around the server's.
        """
        recovering = asyncio.create_task(self.recover())
        try:
            yield
            recovering.cancel()
            await self.drain(drain)
        finally:
            recovering.cancel()
            await self.drain(0)
            await asyncio.wait([recovering])

    async def drain(self, seconds: float) -> None:
        """Begin no run any more, let those that are active finish for some seconds, and interrupt the others.

        Runs that wait for a person are interrupted at once.
        """
        self._draining = True
        working = [live.task for live in self._live.values() if live.task is not None and live.question is None]
        if working and seconds > 0:
            await asyncio.wait(working, timeout=seconds)
        await asyncio.gather(*(self._end(live, self._interrupt) for live in tuple(self._live.values())))

    async def recover(self) -> None:
        """Resume the detached runs of this network that were interrupted, a few at a time, and wait for their ends."""
        places = asyncio.Semaphore(RECOVERED_TOGETHER)
        try:
            records = await self.session.runs.cut(self.session.network_source)
        except AgentNetError as error:
            log.warning("interrupted runs could not be resumed: %s", error)
            return
        await asyncio.gather(*(self._recovered(record, places) for record in records))

    async def _recovered(self, record: RunRecord, places: asyncio.Semaphore) -> None:
        """Resume a run, as soon as there is a place for it, and wait until it asks a person, or is over."""
        assert record.served is not None
        async with places:
            while not self._draining:
                try:
                    caller = await self._quotas.caller(record.served.caller)
                    if caller is not None:
                        live = await self._resumed(caller, record, detached=True)
                        await live.begun()
                        await live.asks()
                    return
                except (AgentNetError, Problem) as error:
                    problem = Problem.of(error)
                    if problem.again is None:
                        log.warning("run %s could not be resumed: %s", record.id, error)
                        return
                    await asyncio.sleep(min(problem.again, LONGEST_PAUSE))
                except Exception:
                    log.exception("run %s could not be resumed", record.id)
                    return

    async def _entered(self, caller: Caller, asked: Asked, *, detached: bool) -> LiveRun | str:
        """The active run of what a caller asks, which may not have begun; the id of a run that is not active here."""
        id = asked.run or secrets.token_hex(6)
        if id in self._live:
            return self._live[id]
        if asked.run is not None and asked.repeated:
            with suppress(BadInput):
                record = await self.session.runs.record(id)
                if record.status in ("interrupted", "cancelled"):
                    return await self._resumed(caller, record, detached=detached)
                return self._live.get(id, id)
            if id in self._live:
                return self._live[id]
        origin: dict[str, Any] = {} if asked.origin is None else {"origin": asked.origin}
        live = LiveRun(id, detached=detached)

        def work(admitted: Admitted) -> Awaitable[Any]:
            options = {
                **origin,
                "seed": asked.seed,
                "limits": admitted.limits,
                "allowance": admitted.allowance,
                "run": id,
                "replies": asked.replies,
                "served": asked.served,
                "stream_text": asked.stream_text,
                "on_event": self._listener(live, asked.served),
                "answering": self._patience.answering(live, caller, admitted.place) if detached else None,
            }
            if asked.forked is not None:
                return self.session.fork(asked.forked.record, asked.forked.message, asked.protocol, **options)
            return self.session.run(asked.question, asked.protocol, label=asked.label, **options)

        return self._begin(live, caller, asked.limits, work)

    async def _resumed(
        self, caller: Caller, record: RunRecord, *, detached: bool, limits: Limits | None = None
    ) -> LiveRun:
        if record.status in OVER:
            raise Problem(409, f"run {record.id} is over ({record.status})", "run-over")
        history = await self.session.runs.messages(record.id)
        if record.id in self._live:
            return self._live[record.id]
        live = LiveRun(record.id, detached=detached, history=history)

        def work(admitted: Admitted) -> Awaitable[Any]:
            return self.session.resume(
                record,
                limits=admitted.limits,
                allowance=admitted.allowance,
                on_event=self._listener(live, record.served or Served(surface="api")),
                answering=self._patience.answering(live, caller, admitted.place) if detached else None,
                stream_text=True,
            )

        return self._begin(live, caller, limits or record.limits, work)

    def _listener(self, live: LiveRun, served: Served) -> Listener:
        """Return what hears the events of a run: its state here, and those who watch."""
        bus = EventBus()
        for listener in (live.heard, *(watching(live.id, served) for watching in self._watching)):
            bus.listen(listener)
        return bus.publish

    def _begin(
        self, live: LiveRun, caller: Caller, limits: Limits | None, work: Callable[[Admitted], Awaitable[Any]]
    ) -> LiveRun:
        """Let a run begin as soon as there is a place for it."""
        if self._draining:
            raise Problem(503, "the server ends: ask again when it is back", "draining", again=DRAIN_SECONDS)

        async def carry_out() -> None:
            failure: Exception | None = None
            try:
                async with self._quotas.admitted(caller, live.id, limits) as admitted:
                    await work(admitted)
            except Exception as error:
                failure = error
                if not live.waits:
                    log.warning("run %s was interrupted: %s", live.id, error)
            finally:
                del self._live[live.id]
                live.over(failure)

        self._live[live.id] = live
        live.task = asyncio.create_task(carry_out(), name=f"run {live.id}")
        return live

    async def _end(self, live: LiveRun, cut: Callable[[str], Awaitable[bool]]) -> None:
        """Cut a run unless it is over, and wait until its end is recorded."""
        assert live.task is not None
        if live.ended is None and not await cut(live.id):
            live.task.cancel()  # it has not begun
        await asyncio.wait([live.task])

    def _interrupt(self, run: str) -> Awaitable[bool]:
        return self.session.interrupt(run, ENDED)
