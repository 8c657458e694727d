"""What holds for all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.postgres import HOW, REQUIRED, Server, programs, running

# Tests write their own model files: to load each in a process of its own first would take longer than all the rest.
os.environ["AGENTNET_TRIAL"] = "off"

settings.register_profile("all", deadline=None)  # speed lives in benchmarks/
settings.register_profile("quick", deadline=None, max_examples=40)
settings.load_profile(os.environ.get("AGENTNET_TEST_EXAMPLES", "quick"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server; the test is skipped where none is installed, unless one is required."""
    if programs() is None:
        if os.environ.get(REQUIRED):
            pytest.fail(HOW)
        pytest.skip(HOW)
    with running() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a new store is: a file, and a database on a server."""
    if request.param == "sqlite":
        return str(tmp_path / "store.db")
    server: Server = request.getfixturevalue("postgres")
    return server.new()
