"""`RunService`: runs on behalf of the callers of a server. Whatever surface they use, their runs begin and end here.

A run is *attached* to its caller's request, and cancelled when the caller goes away, or it is *detached*, goes on
by itself, and is followed and cancelled by its id. A caller sees their own runs, and with the scope `admin` all runs.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from agentnet.collab.asking import Protocol, Question
from agentnet.contracts.events import Event
from agentnet.contracts.limits import Limits
from agentnet.contracts.replies import ReplyOptions
from agentnet.contracts.runs import Origin, RunRecord
from agentnet.contracts.serving import Caller, Served
from agentnet.errors import BadInput
from agentnet.serving.access.quotas import Admitted, Quotas
from agentnet.serving.app import Problem
from agentnet.session import Session


@dataclass(frozen=True, slots=True)
class Asked:
    """What a caller asks: a question, the protocol that answers it, and the options of the run."""

    question: Question
    served: Served
    protocol: Protocol | None = None
    label: str | None = None
    seed: int = 0
    limits: Limits | None = None
    replies: ReplyOptions = field(default_factory=ReplyOptions)
    stream_text: bool = False
    """Whether replies are told piece by piece."""
    origin: Origin | None = None


class Run:
    """A run that was started for a caller: its id, and its events, the last of which is `RunEnded`."""

    def __init__(self, id: str, events: AsyncIterator[Event]) -> None:
        self.id, self.events = id, events


class RunService:
    """Starts, follows and cancels the runs of callers. Belongs to one event loop."""

    def __init__(self, session: Session, quotas: Quotas | None = None) -> None:
        """`quotas` are those of the callers' keys in the session's store, unless given."""
        self.session, self.quotas = session, quotas or Quotas(session.keys)
        self._detached: dict[str, asyncio.Task[Any]] = {}

    @asynccontextmanager
    async def attached(self, caller: Caller, asked: Asked) -> AsyncIterator[Run]:
        """Start a run, and yield it once it has begun. Leaving the context early cancels it.

        Raises `BadInput` and other errors of `Session.run` before anything has begun, and `Problem` for a caller who
        may not start a run now.
        """
        async with AsyncExitStack() as stack:
            id = secrets.token_hex(6)
            admitted = await stack.enter_async_context(self.quotas.admitted(caller, id, asked.limits))
            events = await stack.enter_async_context(aclosing(self._events(id, asked, admitted)))  # type: ignore[type-var]
            first = await anext(events)

            async def all_events() -> AsyncIterator[Event]:
                yield first
                async for event in events:
                    yield event

            yield Run(id, all_events())

    async def start(self, caller: Caller, asked: Asked) -> str:
        """Start a detached run, and return its id once it has begun. Raises as `attached` does."""
        id = secrets.token_hex(6)
        async with AsyncExitStack() as stack:
            admitted = await stack.enter_async_context(self.quotas.admitted(caller, id, asked.limits))
            events = await stack.enter_async_context(aclosing(self._events(id, asked, admitted)))  # type: ignore[type-var]
            await anext(events)
            task = asyncio.create_task(_drain(events, stack.pop_all()))
        self._detached[id] = task
        task.add_done_callback(lambda _: self._detached.pop(id, None))
        return id

    async def record(self, caller: Caller, run: str) -> RunRecord:
        """Return the record of a run that the caller may see. Raises `Problem` for any other."""
        try:
            record = await self.session.runs.find(run)
        except BadInput:
            record = None
        served = record.served if record is not None else None
        if record is None or not (caller.may("admin") or (served is not None and served.caller == caller.id)):
            raise Problem(404, f"there is no run {run[:64]!r}", "no-such-run")
        return record

    async def follow(self, caller: Caller, run: str) -> AsyncIterator[Event]:
        """Yield the events of a run from its beginning up to `RunEnded`. Leaving does not affect it."""
        record = await self.record(caller, run)
        async with aclosing(self.session.follow(record.id)) as events:  # type: ignore[type-var]
            async for event in events:
                yield event

    async def cancel(self, caller: Caller, run: str) -> bool:
        """Cancel a run that is active here; returns whether it was."""
        return await self.session.cancel((await self.record(caller, run)).id)

    def _events(self, id: str, asked: Asked, admitted: Admitted) -> AsyncIterator[Event]:
        options: dict[str, Any] = {} if asked.origin is None else {"origin": asked.origin}
        return self.session.stream(
            asked.question,
            asked.protocol,
            label=asked.label,
            seed=asked.seed,
            limits=admitted.limits,
            allowance=admitted.allowance,
            run=id,
            replies=asked.replies,
            served=asked.served,
            stream_text=asked.stream_text,
            **options,
        )


async def _drain(events: AsyncIterator[Event], stack: AsyncExitStack) -> None:
    async with stack:
        async for _ in events:
            """Whoever follows the run has events of their own."""
