"""`Database`: one open database with one thread that writes; what it holds is behind `Runs` and `Evaluations`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Row, Select, Table, func, select

from agentnet.contracts.messages import Message
from agentnet.errors import BadInput
from agentnet.store.engine import describe, for_reading, locate, open_engine
from agentnet.store.faults import translated
from agentnet.store.message_log import Draft, MessageLog
from agentnet.store.writer import Writer

T = TypeVar("T")


class Database:
    """Opened with `Database.open`, closed with `close` or ``async with``; belongs to one event loop.

    Every method may raise `StoreError`. Whatever is written goes through one thread, in the order of the calls, and
    what is read comes after everything that was written before. Several processes may have the same database open. In
    SQLite, what is committed survives the death of the process; only a power cut may take the last commits along.
    """

    def __init__(self, engine: Engine, name: str) -> None:
        self.name = name
        """What messages call it, such as ``store a.db``."""
        self.log = MessageLog(engine, name)
        """Numbers the messages of every run. Only the writing thread uses it: within the work given to `write`."""
        self._engine, self._reading = engine, for_reading(engine)
        self._writer: Writer[Draft, Message] = Writer(name, self.log.commit)

    @classmethod
    async def open(cls, where: str | Path, pragmas: Mapping[str, str | int] | None = None) -> Database:
        """Open or create a database: a file path, or any SQLAlchemy URL. Older schemas are upgraded, newer refused.

        `pragmas` are further settings of SQLite for these connections, such as ``max_page_count``.
        """
        name = describe(locate(where))
        return cls(await asyncio.to_thread(open_engine, where, pragmas), name)

    async def __aenter__(self) -> Database:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Finish what is being written, then close. Closing twice is harmless."""
        await self._writer.close()
        await asyncio.to_thread(self._engine.dispose)

    async def append(self, draft: Draft) -> Message:
        """Add a message to the log; returns it as stored, once it is committed.

        Messages that are appended side by side, such as those of parallel branches and of concurrent runs, share one
        transaction.
        """
        return await self._writer.submit(draft)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction of its own; returns its result once that is committed."""
        return await self._writer.do(lambda: self._within(self._engine, work))

    async def rows(self, query: Select[Any]) -> list[Row[Any]]:
        """Return the rows of a query, in a transaction that waits for no other process."""

        def read(connection: Connection) -> list[Row[Any]]:
            return list(connection.execute(query))

        return await self._writer.do(lambda: self._within(self._reading, read))

    async def find_by_prefix(self, table: Table, prefix: str, what: str, listed: str) -> Row[Any]:
        """Return the row whose id is `prefix`, or the only one whose id starts with it.

        Raises `BadInput` where there is none, or several. It calls a row `what`, and names the command ``agentnet
        LISTED``, which shows what there is.
        """
        # LIKE would ignore case in SQLite; the shortest id comes first, so that an exact one does.
        begins = func.substr(table.c.id, 1, len(prefix)) == prefix
        rows = await self.rows(select(table).where(begins).order_by(func.length(table.c.id), table.c.id).limit(4))
        if not rows:
            raise BadInput(f"no {what} starts with {prefix!r} in {self.name}: `agentnet {listed}` lists them")
        if len(rows) > 1 and rows[0].id != prefix:
            shown = ", ".join(row.id for row in rows[:3]) + (", …" if len(rows) > 3 else "")
            raise BadInput(f"several {what}s start with {prefix!r} ({shown}): give more letters")
        return rows[0]

    def _within(self, engine: Engine, work: Callable[[Connection], T]) -> T:
        with translated(self.name), engine.begin() as connection:
            return work(connection)
