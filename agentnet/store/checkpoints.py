"""LangGraph's checkpoints in a SQLite file beside the store: plain data only, group commits, a short history."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import aiosqlite
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_metadata,
)
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from agentnet.files.private import private_file
from agentnet.store.engine import BUSY_SECONDS, LOG_PAGES, use_write_ahead_log, wipe
from agentnet.store.faults import translated
from agentnet.store.plain_data import PlainSerializer
from agentnet.store.writer import Writer

if TYPE_CHECKING:
    from agentnet.store.runs import Runs

Statement: TypeAlias = tuple[str, Sequence[tuple[Any, ...]]]

KEEP = 2
"""Checkpoints of a thread that stay: the newest is what resuming needs, the one before is a reserve."""

_HERE = "thread_id = ? AND checkpoint_ns = ?"


@asynccontextmanager
async def open_checkpointer(where: str | Path, keep: int | None = KEEP) -> AsyncIterator[Checkpointer]:
    """Open a checkpointer on a file; its folder is created. Raises `StoreError`.

    The write-ahead log with ``synchronous=NORMAL`` survives the death of the process; only a power cut may take the
    last checkpoints along, and then the turns since are taken again, as far as the store has no message of them.
    """
    path = Path(where).expanduser()
    shown = f"checkpoints {path}"
    with translated(shown):
        private_file(path)
        writing = await asyncio.to_thread(_connect, path)
        try:
            reading = await aiosqlite.connect(path)
        except BaseException:
            writing.close()
            raise
    saver: Checkpointer | None = None
    try:
        with translated(shown):
            await reading.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
            await reading.execute("PRAGMA synchronous=NORMAL")
            saver = Checkpointer(reading, writing, shown, keep)
            await saver.setup()
        yield saver
    finally:
        if saver is not None:
            await saver.close()
        await reading.close()
        await asyncio.to_thread(writing.close)


async def sweep(checkpointer: Checkpointer, runs: Runs) -> None:
    """Delete the checkpoints of runs that are over: a process that died between the two left them behind.

    Threads that `runs` does not know stay: they may belong to another store. Raises `StoreError`.
    """
    over = await runs.over(await checkpointer.threads())
    await asyncio.gather(*(checkpointer.adelete_thread(run) for run in over))


class Checkpointer(AsyncSqliteSaver):
    """`AsyncSqliteSaver`, with its two writing methods on a `Writer`.

    LangGraph's own make several trips to the connection's thread and one commit for every task and every step. Here all
    that is written in one turn of the event loop, by any number of runs, is one trip and one commit.

    Of each thread and namespace the newest `keep` checkpoints stay (None: all). Graphs with LangGraph's delta channels
    need their whole history, so they need None, and so does going back in time; subgraphs' checkpoints go when the
    thread is deleted.
    """

    def __init__(
        self, reading: aiosqlite.Connection, writing: sqlite3.Connection, shown: str, keep: int | None = KEEP
    ) -> None:
        if keep is not None and keep < 1:
            raise ValueError("keep: at least one checkpoint must stay")
        super().__init__(reading, serde=PlainSerializer())
        self._connection, self._shown, self._keep = writing, shown, keep
        self._writer: Writer[list[Statement], None] = Writer(shown, self._commit)
        self._kept: dict[str, dict[str, deque[str]]] = {}
        """Thread → namespace → its checkpoints that are stored, oldest first."""

    async def close(self) -> None:
        """Finish what is being written."""
        await self._writer.close()

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        with translated(self._shown):
            return await super().aget_tuple(config)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Save the state after a super-step."""
        place = config["configurable"]
        thread, space, parent = str(place["thread_id"]), str(place["checkpoint_ns"]), place.get("checkpoint_id")
        described = json.dumps(get_checkpoint_metadata(config, metadata), ensure_ascii=False)
        row = {
            "thread_id": thread,
            "checkpoint_ns": space,
            "checkpoint_id": checkpoint["id"],
            "parent_checkpoint_id": parent,
            **dict(zip(("type", "checkpoint"), self.serde.dumps_typed(checkpoint), strict=True)),
            "metadata": described.encode("utf-8", "ignore"),
        }
        superseded = self._superseded(thread, space, checkpoint["id"], parent)
        statements = [_insert("REPLACE", "checkpoints", [row]), *superseded]
        await self._writer.submit(statements)
        return {"configurable": {"thread_id": thread, "checkpoint_ns": space, "checkpoint_id": checkpoint["id"]}}

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Save what one task of a super-step wrote, before the others are done."""
        place = config["configurable"]
        rows = []
        for index, (channel, value) in enumerate(writes):
            kind, data = self.serde.dumps_typed(value)
            rows.append(
                {
                    "thread_id": str(place["thread_id"]),
                    "checkpoint_ns": str(place["checkpoint_ns"]),
                    "checkpoint_id": str(place["checkpoint_id"]),
                    "task_id": task_id,
                    **({"task_path": task_path} if self._stores_task_path else {}),
                    "idx": WRITES_IDX_MAP.get(channel, index),
                    "channel": channel,
                    "type": kind,
                    "value": data,
                }
            )
        special = all(channel in WRITES_IDX_MAP for channel, _ in writes)
        if rows:
            await self._writer.submit([_insert("REPLACE" if special else "IGNORE", "writes", rows)])

    async def adelete_thread(self, thread_id: str) -> None:
        """Remove everything of a thread, in one transaction with whatever else is written at that moment."""
        thread = str(thread_id)
        self._kept.pop(thread, None)
        await self._writer.submit(
            [(f"DELETE FROM {table} WHERE thread_id = ?", [(thread,)]) for table in ("checkpoints", "writes")]
        )

    async def compact(self) -> None:
        """Rewrite the file, so that nothing of deleted threads is left in it."""

        def work() -> None:
            with translated(self._shown):
                wipe(self._connection)

        await self._writer.do(work)

    async def threads(self) -> list[str]:
        """Return the ids of all threads that have checkpoints."""
        with translated(self._shown):
            async with self.conn.execute("SELECT DISTINCT thread_id FROM checkpoints") as cursor:
                return [row[0] for row in await cursor.fetchall()]

    async def setup(self) -> None:
        """Create LangGraph's tables where they are missing."""
        if self.is_setup:
            return
        await super().setup()
        async with self.conn.execute("PRAGMA table_info(writes)") as cursor:
            self._stores_task_path = "task_path" in [row[1] for row in await cursor.fetchall()]

    def _superseded(self, thread: str, space: str, new: str, parent: str | None) -> list[Statement]:
        """Return statements that remove the checkpoints that `new` makes needless."""
        if self._keep is None:
            return []
        spaces = self._kept.setdefault(thread, {})
        kept = spaces.get(space)
        if kept is None:
            # Another process may have left some: only the one that this run continues from counts.
            spaces[space] = deque([new] if parent is None else [parent, new])
            stay = (parent or new, new)
            return [
                (f"DELETE FROM {table} WHERE {_HERE} AND checkpoint_id NOT IN (?, ?)", [(thread, space, *stay)])
                for table in ("checkpoints", "writes")
            ]
        if new not in kept:
            kept.append(new)
        gone = [(thread, space, kept.popleft()) for _ in range(len(kept) - self._keep)]
        tables = ("checkpoints", "writes") if gone else ()
        return [(f"DELETE FROM {table} WHERE {_HERE} AND checkpoint_id = ?", gone) for table in tables]

    def _commit(self, batch: list[list[Statement]]) -> list[Exception | None]:
        with translated(self._shown):
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                for statements in batch:
                    for sql, rows in statements:
                        self._connection.executemany(sql, rows)
                self._connection.execute("COMMIT")
            except BaseException:
                self._connection.rollback()
                raise
        return [None] * len(batch)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        use_write_ahead_log(connection)
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES}")
    except BaseException:
        connection.close()
        raise
    return connection


def _insert(conflict: str, table: str, rows: Sequence[dict[str, Any]]) -> Statement:
    names = list(rows[0])
    places = ", ".join("?" * len(names))
    sql = f"INSERT OR {conflict} INTO {table} ({', '.join(names)}) VALUES ({places})"
    return sql, [tuple(row.values()) for row in rows]
