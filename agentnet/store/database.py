"""`Database`: one open database with one thread that writes; what it holds is behind `Runs` and `Evaluations`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, Row, Select, Table, func, select

from agentnet.contracts.messages import Message
from agentnet.errors import BadInput
from agentnet.settings import resolve
from agentnet.store.chain import SealingKey, key_file
from agentnet.store.engine import describe, for_reading, is_missing, locate, open_engine, wipe
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

    def __init__(self, engine: Engine, name: str, key: Path | None = None) -> None:
        """`key` is the file of the key that seals the chains of messages; None for a key that is kept nowhere."""
        self.name, self.key = name, key
        """What messages call it, such as ``store a.db``, and where its key is."""
        self._sealing: Callable[[], SealingKey] = cache(
            SealingKey.passing if key is None else partial(SealingKey.of, key)
        )
        self.log = MessageLog(engine, name, self._sealing)
        """Numbers the messages of every run. Only the writing thread uses it: within the work given to `write`."""
        self._engine, self._reading = engine, for_reading(engine)
        self._writer: Writer[Draft, Message] = Writer(name, self.log.commit)

    @classmethod
    async def open(
        cls, where: str | Path, pragmas: Mapping[str, str | int] | None = None, *, existing: bool = False
    ) -> Database:
        """Open or create a database: a file path, or any SQLAlchemy URL. Older schemas are upgraded, newer refused.

        `pragmas` are further settings of SQLite for these connections, such as ``max_page_count``. `existing`: a file
        that is missing is not made, but refused with `BadInput`.
        """
        url = locate(where)
        if existing and is_missing(url):
            raise BadInput(
                f"there is no {describe(url)}: nothing was recorded there; name another with --store or AGENTNET_STORE"
            )
        return cls(await asyncio.to_thread(open_engine, where, pragmas), describe(url), _key_of(url))

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

    async def compact(self) -> None:
        """Rewrite the database, so that nothing of deleted rows is left in its files. A no-op beside SQLite."""

        def work() -> None:
            if self._engine.dialect.name != "sqlite":
                return
            with translated(self.name):
                connection = self._engine.raw_connection()
                try:
                    wipe(connection.driver_connection)
                finally:
                    connection.close()

        await self._writer.do(work)

    def present_key(self) -> SealingKey | None:
        """Return the key that seals chains, if there is one. Within the work given to `read`."""
        return self._sealing() if self.key is None or self.key.exists() else None

    async def rows(self, query: Select[Any]) -> list[Row[Any]]:
        """Return the rows of a query, in a transaction that waits for no other process."""
        return await self.read(lambda connection: list(connection.execute(query)))

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work`, which only reads, in a transaction that waits for no other process; returns its result."""
        return await self._writer.do(lambda: self._within(self._reading, work))

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


def _key_of(url: URL) -> Path | None:
    """Return the file of a store's key: beside a SQLite file, else in the home folder; none for a store in memory."""
    if url.get_backend_name() != "sqlite":
        return key_file(Path(resolve().home.value))
    return None if url.database in (None, "", ":memory:") else key_file(Path(str(url.database)).parent)
