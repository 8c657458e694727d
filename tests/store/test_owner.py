"""A run whose process died was interrupted; one whose process lives is left alone."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, update

from agentnet.errors import ResumeError
from agentnet.store import Database, Runs, owner
from agentnet.store.owner import Owner, this_process
from agentnet.store.tables import runs as table

from .conftest import commits
from .samples import message, run_record

PROGRAM = """
import asyncio, sys
sys.path.append(sys.argv[2])
from agentnet.store import Database, Runs
from samples import run_record

async def main():
    async with await Database.open(sys.argv[1]) as database:
        await Runs(database).start_run(run_record())
        print("started", flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


@contextmanager
def another_process(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has started a run and works on it."""
    command = [sys.executable, "-c", PROGRAM, str(path), str(Path(__file__).parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        yield process
        process.kill()


async def owned_by(database: Database, run: str) -> str | None:
    (row,) = await database.rows(select(table.c.owner).where(table.c.id == run))
    return row.owner


async def give(database: Database, run: str, owner: Owner | None) -> None:
    """Record another owner of a run that is running."""

    def write(connection: Connection) -> None:
        changed = {"owner": None if owner is None else str(owner), "status": "running"}
        connection.execute(update(table).where(table.c.id == run).values(changed))

    await database.write(write)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="a zombie is told from a process by /proc")
async def test_a_run_is_interrupted_when_its_process_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with await Database.open(path) as database, await Database.open(path) as second:
        runs = Runs(database)
        with another_process(path) as process:
            assert (await runs.record("run-1")).status == "running"
            with pytest.raises(ResumeError, match=f"run-1 is being worked on by process {process.pid} on "):
                await runs.claim("run-1")
            process.kill()
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it stays a zombie
            assert (await Runs(second).latest())[0].status == "interrupted"
        with commits() as committed:
            assert (await runs.find("run")).status == "interrupted"
        assert len(committed) == 1, "it was written down by the first reader"
        assert await owned_by(database, "run-1") is None


async def test_a_run_belongs_to_its_process_until_it_ends(runs: Runs, database: Database) -> None:
    await runs.start_run(run_record())
    assert await owned_by(database, "run-1") == str(this_process())
    assert (await runs.record("run-1")).status == "running"
    await runs.finish_run("run-1", "stopped", None)
    assert await owned_by(database, "run-1") is None
    await runs.claim("run-1")
    assert await owned_by(database, "run-1") == str(this_process())
    assert (await runs.record("run-1")).status == "running"


async def test_only_what_is_not_over_can_be_claimed(runs: Runs) -> None:
    await runs.start_run(run_record())
    await runs.finish_run("run-1", "done", "4")
    with pytest.raises(ResumeError, match=r"run-1 is over \(done\)"):
        await runs.claim("run-1")


async def test_a_run_of_another_host_is_left_alone_until_it_is_claimed(runs: Runs, database: Database) -> None:
    await runs.start_run(run_record())
    elsewhere = replace(this_process(), host="far", pid=2**22 + 1)
    await give(database, "run-1", elsewhere)
    assert [run.status for run in await runs.latest()] == ["running"]
    assert await owned_by(database, "run-1") == str(elsewhere)
    await runs.claim("run-1")
    assert await owned_by(database, "run-1") == str(this_process())


async def test_a_run_whose_process_is_not_known_is_interrupted(runs: Runs, database: Database) -> None:
    await runs.start_run(run_record())
    await give(database, "run-1", None)
    assert (await runs.record("run-1")).status == "interrupted"
    await runs.claim("run-1")
    assert (await runs.record("run-1")).status == "running"


async def test_a_message_of_the_run_that_another_process_wrote_is_counted_after_claiming(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with await Database.open(path) as one, await Database.open(path) as two:
        await Runs(one).start_run(run_record(), message())
        await Runs(one).finish_run("run-1", "stopped", None)
        await Runs(two).claim("run-1")
        assert (await Runs(two).append(message(round=1))).sequence == 1


async def test_what_cannot_be_written_can_be_read_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with await Database.open(path) as database:
        await Runs(database).start_run(run_record())
        await give(database, "run-1", replace(this_process(), started="before"))
    async with await Database.open(path, {"query_only": "ON"}) as database:
        assert (await Runs(database).record("run-1")).status == "interrupted"


def test_the_text_of_an_owner_reads_back() -> None:
    mine = this_process()
    assert Owner.parse(str(mine)) == mine
    assert (mine.pid, mine.state()) == (os.getpid(), "alive")
    assert mine.describe() == f"process {os.getpid()} on {socket.gethostname()}"
    for strange in ("", "somebody", "a b c"):
        assert Owner.parse(strange).state() == "unknown"


def test_a_process_is_alive_while_it_runs_and_no_other_is_taken_for_it() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        child = replace(this_process(), pid=process.pid, started=owner._started(process.pid) or "")
        assert child.state() == "alive"
        assert this_process().started == "" or replace(child, started="before").state() == "dead"
        assert replace(child, host="far").state() == "unknown"
        process.kill()
    assert child.state() == "dead"


def test_without_proc_a_process_is_alive_if_its_number_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, "PROC", tmp_path)
    monkeypatch.setattr(owner, "this_process", lambda: Owner("box", os.getpid(), ""))
    assert Owner("box", os.getpid(), "").state() == "alive"
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    assert Owner("box", process.pid, "").state() == "dead"
