"""An open database, and how often it commits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, event

from agentnet.store import Database, Runs


@pytest.fixture
async def database(where: str) -> AsyncIterator[Database]:
    """A new database, of every kind."""
    async with await Database.open(where) as opened:
        yield opened


@pytest.fixture
def runs(database: Database) -> Runs:
    """The runs of the new database."""
    return Runs(database)


@contextmanager
def commits() -> Iterator[list[object]]:
    """The transactions that are committed meanwhile, those that only read among them."""
    found: list[object] = []

    def committed(connection: object) -> None:
        found.append(connection)

    event.listen(Engine, "commit", committed)
    try:
        yield found
    finally:
        event.remove(Engine, "commit", committed)
