"""What is stored is for its owner alone, and what is forgotten is gone from the files."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agentnet.contracts.bodies import Proposal
from agentnet.errors import BadInput, ResumeError
from agentnet.session import open_storage
from agentnet.settings import resolve
from agentnet.store import Database, Runs

from .samples import message, run_record

SECRET = "the-words-that-must-go"


@pytest.fixture
def _open_umask() -> object:
    before = os.umask(0)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_mode & 0o777 for path in folder.rglob("*")}


@pytest.mark.usefixtures("_open_umask")
async def test_files_and_folders_are_their_owners(tmp_path: Path) -> None:
    settings = resolve(store=str(tmp_path / "new" / "deep" / "runs.db"), environment={})
    async with open_storage(settings) as storage:
        await storage.runs.start_run(run_record(), message())
        found = modes(tmp_path)
        assert {"new/deep/runs.db", "new/deep/runs.db-wal", "new/deep/checkpoints.db", "new/deep/audit.key"} <= set(
            found
        )
        assert {found.pop("new"), found.pop("new/deep")} == {0o700}
        assert set(found.values()) == {0o600}


async def test_what_exists_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir(mode=0o755)
    (tmp_path / "shared" / "runs.db").touch(mode=0o640)
    os.chmod(tmp_path / "shared" / "runs.db", 0o640)
    async with await Database.open(tmp_path / "shared" / "runs.db"):
        assert modes(tmp_path)["shared"] == 0o755
        assert modes(tmp_path)["shared/runs.db"] == 0o640


async def test_a_forgotten_run_is_gone_from_every_file(tmp_path: Path) -> None:
    settings = resolve(store=str(tmp_path / "runs.db"), environment={})
    async with open_storage(settings) as storage:
        for run in ("gone", "kept"):
            words = SECRET if run == "gone" else "other words"
            await storage.runs.start_run(run_record(run))
            for round in range(50):
                said = message(run, round, body=Proposal(answer=words, text=words * 20))
                await storage.runs.append(said)
            await storage.runs.finish_run(run, "stopped", None, words)
        with closing(sqlite3.connect(settings.checkpoints)) as connection, connection:
            for run in ("gone", "kept"):
                words = SECRET if run == "gone" else "other words"
                connection.execute(
                    "INSERT INTO checkpoints VALUES (?, '', '1', NULL, 'msgpack', ?, ?)", (run, words.encode(), b"{}")
                )
        assert await storage.forget("gone") == 50
        for path in tmp_path.iterdir():
            assert SECRET.encode() not in path.read_bytes(), path
        assert [record.id for record in await storage.runs.latest()] == ["kept"]
        assert len(await storage.runs.messages("kept")) == 50
        assert (await storage.runs.verify("kept")).intact
        assert await storage.checkpointer.threads() == ["kept"]
        with pytest.raises(BadInput, match="no run gone"):
            await storage.forget("gone")
    with closing(sqlite3.connect(tmp_path / "runs.db")) as connection:
        for table in ("messages", "run_agents", "chains"):
            assert connection.execute(f"SELECT DISTINCT run FROM {table}").fetchall() == [("kept",)]


@pytest.mark.parametrize("owner", [None, "elsewhere 7 then"])
async def test_a_run_that_may_be_alive_is_not_forgotten(tmp_path: Path, owner: str | None) -> None:
    async with await Database.open(tmp_path / "store.db") as database:
        runs = Runs(database)
        await runs.start_run(run_record(), message())
        if owner is not None:
            with closing(sqlite3.connect(tmp_path / "store.db")) as connection, connection:
                connection.execute("UPDATE runs SET owner = ?", (owner,))
        with pytest.raises(ResumeError, match="is being worked on by"):
            await runs.forget("run-1")
        assert len(await runs.messages("run-1")) == 1
