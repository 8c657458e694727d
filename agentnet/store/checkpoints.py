"""LangGraph's checkpoints in a SQLite file beside the store."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from agentnet.errors import StoreError

if TYPE_CHECKING:
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver


@asynccontextmanager
async def open_checkpointer(where: str | Path) -> AsyncIterator[AsyncSqliteSaver]:
    """A checkpointer on a file; its folder is created. Raises `StoreError`.

    The write-ahead log with ``synchronous=NORMAL`` survives the death of the process; only a power cut may take the
    last checkpoints along, and then the turns since are taken again from the store.
    """
    import aiosqlite
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    path = Path(where)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(path, error) from error
    try:
        async with aiosqlite.connect(path) as connection:
            await connection.execute("PRAGMA busy_timeout=30000")
            await connection.execute("PRAGMA journal_mode=WAL")
            await connection.execute("PRAGMA synchronous=NORMAL")
            # Only plain data may come out of a checkpoint: a class that is named in the file is never made.
            saver = AsyncSqliteSaver(connection, serde=JsonPlusSerializer(allowed_msgpack_modules=None))
            await saver.setup()
            yield saver
    except sqlite3.Error as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: Exception) -> StoreError:
    return StoreError(
        f"checkpoints {path}: {error}; free the disk or choose another place with --store or AGENTNET_STORE"
    )


async def forget(saver: AsyncSqliteSaver, run: str) -> None:
    """Drop the checkpoints of a run that is over: its messages stay in the store."""
    await saver.adelete_thread(run)
