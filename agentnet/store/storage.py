"""`Storage`: the database of runs and evaluations, and the checkpoints beside it, opened together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentnet.settings import Settings, resolve

if TYPE_CHECKING:
    from agentnet.store.checkpoints import Checkpointer
    from agentnet.store.database import Database
    from agentnet.store.evaluations import Evaluations
    from agentnet.store.keys import Keys
    from agentnet.store.profiles import Profiles
    from agentnet.store.runs import Runs


@dataclass(frozen=True, slots=True)
class Storage:
    """The database of runs, evaluations and keys, and the checkpoints of interrupted runs."""

    database: Database
    runs: Runs
    evaluations: Evaluations
    profiles: Profiles
    keys: Keys
    checkpointer: Checkpointer

    async def forget(self, run: str) -> int:
        """Remove a run for good: its messages, its checkpoints, its result. Returns how many messages it had.

        Raises `ResumeError` for a run that a process works on, `BadInput` for an unknown one, `StoreError`.
        """
        forgotten = await self.runs.forget(run)
        await self.checkpointer.adelete_thread(run)
        await self.database.compact()
        await self.checkpointer.compact()
        return forgotten


@asynccontextmanager
async def open_storage(settings: Settings | None = None, *, existing: bool = False) -> AsyncIterator[Storage]:
    """Open the database and the checkpoints, and create their folders if they are missing.

    `existing`: a store that is missing is not made, but refused with `BadInput`. Raises `StoreError`.
    """
    from agentnet.store import Database, Evaluations, Keys, Profiles, Runs, open_checkpointer, sweep

    settings = settings or resolve()
    async with (
        await Database.open(settings.store.value, existing=existing) as database,
        open_checkpointer(settings.checkpoints) as checkpointer,
    ):
        runs = Runs(database)
        await sweep(checkpointer, runs)
        yield Storage(database, runs, Evaluations(database), Profiles(database), Keys(database), checkpointer)
