"""`Store`: the memory of runs and messages, asynchronous in front, one writing thread behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Row, Select, Table, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from agentnet.contracts.events import RunStatus
from agentnet.contracts.messages import Message, parse
from agentnet.contracts.network import AgentSpec
from agentnet.contracts.runs import RunRecord
from agentnet.contracts.usage import Usage
from agentnet.errors import BadInput
from agentnet.store.database import describe, for_reading, locate, open_engine
from agentnet.store.faults import translated
from agentnet.store.message_log import USAGE, Draft, MessageLog
from agentnet.store.tables import messages, run_agents, runs
from agentnet.store.writer import Writer

T = TypeVar("T")

_CHANGING = ("status", "answer", "detail", "updated")
"""The fields of a `RunRecord` that change while it runs: they are columns only, not in the record's JSON."""


class Store:
    """Opened with `Store.open`, closed with `close` or ``async with``; belongs to one event loop.

    Every method may raise `StoreError`. Messages that are appended side by side, such as those of parallel branches and
    of runs that go on at once, share one transaction. Several processes may have the same store open. In SQLite, what
    is committed survives the death of the process; only a power cut may take the last commits along.
    """

    def __init__(self, engine: Engine, shown: str) -> None:
        self._engine, self._reading, self._shown = engine, for_reading(engine), shown
        self._log = MessageLog(engine, shown)
        self._writer: Writer[Draft, Message] = Writer(shown, self._log.commit)

    @classmethod
    async def open(cls, where: str | Path, pragmas: Mapping[str, str | int] | None = None) -> Store:
        """Open or create a store: a file path, or any SQLAlchemy URL. Older schemas are upgraded, newer refused.

        `pragmas` are further settings of SQLite for this store's connections, such as ``max_page_count``.
        """
        shown = describe(locate(where))
        return cls(await asyncio.to_thread(open_engine, where, pragmas), shown)

    async def __aenter__(self) -> Store:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Finish what is being written, then close. Closing twice is harmless."""
        await self._writer.close()
        await asyncio.to_thread(self._engine.dispose)

    async def start_run(self, record: RunRecord, agents: Iterable[AgentSpec] | None = None) -> None:
        """Remember a new run and its agents (by default, the network's). Raises `BadInput` where its id is taken."""
        run = _run_row(record)
        members = [_agent_row(record.id, agent) for agent in (record.network.agents if agents is None else agents)]

        def write(connection: Connection) -> None:
            try:
                connection.execute(insert(runs), run)
            except IntegrityError as error:
                raise BadInput(f"there is a run {record.id} already: show it, or resume it") from error
            if members:
                connection.execute(insert(run_agents), members)

        await self.write(write)

    async def set_status(self, run: str, status: RunStatus) -> None:
        """Record that a run goes on, or stopped. Raises `BadInput` where there is none of that id."""
        await self._update(run, status=status)

    async def finish_run(self, run: str, status: RunStatus, answer: str | None, detail: str = "") -> None:
        """Record how a run ended. Raises `BadInput` where there is none of that id."""
        await self._update(run, status=status, answer=answer, detail=detail)

    async def record(self, run: str) -> RunRecord:
        """What is known of a run. Raises `BadInput` where there is none of that id."""
        if not (rows := await self.rows(select(runs).where(runs.c.id == run))):
            raise self._no_run(run)
        return _record(rows[0])

    async def find_run(self, prefix: str) -> RunRecord:
        """The run whose id is `prefix` or alone starts with it. Raises `BadInput` where there is none, or several."""
        return _record(await self.beginning(runs, prefix, "run", "runs"))

    async def runs(self, limit: int = 50) -> list[RunRecord]:
        """The latest runs, newest first."""
        query = select(runs).order_by(runs.c.created.desc(), runs.c.id).limit(limit)
        return [_record(row) for row in await self.rows(query)]

    async def append(self, message: Message) -> Message:
        """Record a message; returns when it is committed. The store gives it its sequence, whatever it has.

        A message whose id the run already has is not recorded again: the one that is stored is returned.
        """
        return await self._writer.submit(Draft.of(message))

    async def messages(self, run: str) -> list[Message]:
        """Everything that was said in a run, in the order in which it was recorded; empty for an unknown run."""
        query = select(messages.c.wire).where(messages.c.run == run).order_by(messages.c.sequence)
        return [parse(row.wire) for row in await self.rows(query)]

    async def message(self, run: str, id: str) -> Message | None:
        """One message of a run, if it is stored."""
        rows = await self.rows(select(messages.c.wire).where(messages.c.run == run, messages.c.id == id))
        return parse(rows[0].wire) if rows else None

    async def usage(self, run: str) -> Usage:
        """What a run has consumed so far: the sum over its messages."""
        sums = (func.coalesce(func.sum(messages.c[name]), 0).label(name) for name in USAGE)
        (row,) = await self.rows(select(*sums).where(messages.c.run == run))
        return Usage(**{name: type(getattr(Usage(), name))(getattr(row, name)) for name in USAGE})

    async def _update(self, run: str, **values: Any) -> None:
        change = update(runs).where(runs.c.id == run).values(updated=utc(datetime.now(UTC)), **values)

        def write(connection: Connection) -> None:
            if connection.execute(change).rowcount == 0:
                raise self._no_run(run)
            self._log.forget(run)

        await self.write(write)

    def _no_run(self, run: str) -> BadInput:
        return BadInput(f"no run {run} in {self._shown}: `agentnet runs` lists them")

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction of its own; returns when it is committed."""
        return await self._writer.do(lambda: self._within(self._engine, work))

    async def rows(self, query: Select[Any]) -> list[Row[Any]]:
        """What a query finds, after everything that was written before."""

        def read(connection: Connection) -> list[Row[Any]]:
            return list(connection.execute(query))

        return await self._writer.do(lambda: self._within(self._reading, read))

    async def beginning(self, table: Table, prefix: str, what: str, listed: str) -> Row[Any]:
        """The row whose id is `prefix`, or alone starts with it; the command `listed` shows what there is.

        Raises `BadInput` where there is none, or several.
        """
        # LIKE would ignore case in SQLite; the shortest id comes first, so that an exact one does.
        begins = func.substr(table.c.id, 1, len(prefix)) == prefix
        rows = await self.rows(select(table).where(begins).order_by(func.length(table.c.id), table.c.id).limit(4))
        if not rows:
            raise BadInput(f"no {what} starts with {prefix!r} in {self._shown}: `agentnet {listed}` lists them")
        if len(rows) > 1 and rows[0].id != prefix:
            shown = ", ".join(row.id for row in rows[:3]) + (", …" if len(rows) > 3 else "")
            raise BadInput(f"several {what}s start with {prefix!r} ({shown}): give more letters")
        return rows[0]

    def _within(self, engine: Engine, work: Callable[[Connection], T]) -> T:
        with translated(self._shown), engine.begin() as connection:
            return work(connection)


def utc(time: datetime) -> str:
    """Text that sorts as time does."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def _run_row(record: RunRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "created": utc(record.created),
        "updated": utc(record.updated),
        "status": record.status,
        "answer": record.answer,
        "detail": record.detail,
        "protocol": record.protocol_name,
        "task": record.task.text,
        "record": record.model_dump(mode="json", exclude=set(_CHANGING)),
    }


def _agent_row(run: str, agent: AgentSpec) -> dict[str, Any]:
    return {
        "run": run,
        "name": agent.name,
        "model": agent.model.model_dump_json(exclude_defaults=True),
        "pack": agent.pack,
        "card": agent.card.model_dump(mode="json"),
    }


def _record(row: Row[Any]) -> RunRecord:
    changing = {name: getattr(row, name) for name in _CHANGING}
    return RunRecord.model_validate_json(json.dumps({**row.record, **changing}))
