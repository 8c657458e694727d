"""The store: what is acknowledged is safe, once, in order."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlmodel import SQLModel

from agentnet.contracts.bodies import Proposal, Task
from agentnet.contracts.limits import Limits
from agentnet.contracts.messages import Message, message_id
from agentnet.contracts.network import NetworkSpec
from agentnet.contracts.runs import RunRecord
from agentnet.contracts.usage import Usage
from agentnet.errors import BadInput, StoreError, StoreTooNew
from agentnet.store import Store
from agentnet.store.database import open_engine

NETWORK = NetworkSpec.model_validate({"name": "n", "agents": [{"name": "a", "model": "x.gguf"}]})


def record(run: str) -> RunRecord:
    now = datetime.now(UTC)
    return RunRecord(
        id=run,
        task=Task(text="What?", label="math"),
        protocol_name="vote",
        protocol={"protocol": {}},
        network=NETWORK,
        signature="s",
        seed=3,
        limits=Limits(calls=5),
        status="running",
        created=now,
        updated=now,
    )


def message(run: str, place: int, text: str = "x") -> Message:
    return Message(
        id=message_id(run, f"node/{place}", 0, "a"),
        run=run,
        sequence=0,
        sender="a",
        node=f"node/{place}",
        time=datetime.now(UTC),
        usage=Usage(calls=1, prompt_tokens=10, completion_tokens=5, seconds=0.25, cost=0.5),
        body=Proposal(answer=text, text=text),
    )


async def test_a_run_is_remembered_across_openings(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / "deep" / "er" / "s.db") as store:
        await store.start_run(record("r1"))
        await store.append(message("r1", 0))
        await store.finish_run("r1", "done", "42", "")
    async with await Store.open(tmp_path / "deep" / "er" / "s.db") as store:
        found = await store.find_run("r")
        assert (found.id, found.status, found.answer) == ("r1", "done", "42")
        assert found.limits == Limits(calls=5)
        assert [said.body for said in await store.messages("r1")] == [Proposal(answer="x", text="x")]
        assert await store.usage("r1") == Usage(calls=1, prompt_tokens=10, completion_tokens=5, seconds=0.25, cost=0.5)


async def test_a_hundred_appends_at_once_are_numbered_without_gaps(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / "s.db") as store:
        runs = [f"r{number}" for number in range(10)]
        for run in runs:
            await store.start_run(record(run))
        given = await asyncio.gather(*(store.append(message(run, place)) for place in range(10) for run in runs))
        for run in runs:
            stored = await store.messages(run)
            assert [said.sequence for said in stored] == list(range(10))
            assert sorted(said.sequence for said in given if said.run == run) == list(range(10))


async def test_a_message_is_stored_once_however_often_it_is_appended(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / "s.db") as store:
        await store.start_run(record("r"))
        first = await store.append(message("r", 0, "first"))
        again = await store.append(message("r", 0, "second"))
        assert again == first
        twice = await asyncio.gather(*(store.append(message("r", 1, text)) for text in ("third", "fourth")))
        assert twice[0] == twice[1]
    async with await Store.open(tmp_path / "s.db") as store:
        assert await store.append(message("r", 0, "later")) == first
        assert (await store.append(message("r", 2))).sequence == 2
        assert len(await store.messages("r")) == 3


async def test_two_openings_of_one_file_number_one_run_together(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / "s.db") as one, await Store.open(tmp_path / "s.db") as other:
        await one.start_run(record("r"))
        for place in range(6):
            await (one if place % 2 else other).append(message("r", place))
        assert [said.sequence for said in await one.messages("r")] == list(range(6))


async def test_a_run_id_is_taken_once(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / "s.db") as store:
        await store.start_run(record("r"))
        with pytest.raises(BadInput, match="already"):
            await store.start_run(record("r"))


async def test_a_prefix_finds_one_run_or_says_why_not(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / "s.db") as store:
        for run in ("ab1", "ab2", "c%d"):
            await store.start_run(record(run))
        assert (await store.find_run("ab1")).id == "ab1"
        assert (await store.find_run("c")).id == "c%d"
        with pytest.raises(BadInput, match="several runs"):
            await store.find_run("ab")
        with pytest.raises(BadInput, match="no run"):
            await store.find_run("%")
        assert [found.id for found in await store.runs(limit=2)] == ["c%d", "ab2"]


WRITER = """
import asyncio, sys
from pathlib import Path
from tests.store.test_store import message, record
from agentnet.store import Store

async def main():
    async with await Store.open(sys.argv[1]) as store:
        await store.start_run(record("r"))
        place = 0
        while True:
            for said in await asyncio.gather(*(store.append(message("r", place + k)) for k in range(3))):
                print(said.id, flush=True)
            place += 3

asyncio.run(main())
"""


def test_killing_the_process_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path / "s.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as writer:
        assert writer.stdout is not None
        acknowledged = [writer.stdout.readline().strip() for _ in range(40)]
        os.kill(writer.pid, signal.SIGKILL)
        acknowledged += [line.strip() for line in writer.stdout.read().splitlines() if len(line) == 32]

    async def stored() -> list[Message]:
        async with await Store.open(tmp_path / "s.db") as store:
            return await store.messages("r")

    found = asyncio.run(stored())
    assert set(acknowledged) <= {said.id for said in found}
    assert [said.sequence for said in found] == list(range(len(found)))


async def test_a_full_disk_is_one_line_and_keeps_what_was_recorded(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    async with await Store.open(path) as store:
        await store.start_run(record("r"))
        await store.append(message("r", 0))
        with store._engine.begin() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        with pytest.raises(StoreError, match=r"full; free some disk space") as caught:
            await asyncio.gather(*(store.append(message("r", place, "x" * 4000)) for place in range(1, 50)))
        assert "\n" not in str(caught.value)
    async with await Store.open(path) as store:
        assert (await store.messages("r"))[0].sequence == 0


async def test_a_store_of_a_newer_version_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    async with await Store.open(path):
        pass
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StoreTooNew, match="update agentnet-ai"):
        await Store.open(path)


async def test_an_empty_database_is_brought_to_the_newest_schema(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "s.db").close()
    async with await Store.open(tmp_path / "s.db") as store:
        assert await store.runs() == []


def test_the_migrations_make_exactly_the_tables(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "s.db")
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), SQLModel.metadata)
    engine.dispose()
    assert differences == []


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"This is a letter, not a database. " * 50, "not a database"), (None, "unable to open|directory")],
)
async def test_what_is_no_database_is_one_line(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "s.db"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(StoreError, match=said) as caught:
        await Store.open(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


async def test_a_url_that_is_none_is_refused() -> None:
    with pytest.raises(StoreError):
        await Store.open("nonsense://place")
