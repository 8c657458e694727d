"""The chain of a run's messages: what a changed database says of itself."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from agentnet.errors import BadInput, StoreError
from agentnet.store import Database, Runs, migrations
from agentnet.store.audit import Audit
from agentnet.store.chain import Head, SealingKey, linked, start_of

from .samples import message, run_record

ROUNDS = 6


async def recorded(path: Path, *, ended: bool = True) -> None:
    async with await Database.open(path) as database:
        runs = Runs(database)
        await runs.start_run(run_record(), message(round=0))
        for round in range(1, ROUNDS):
            await runs.append(message(round=round))
        if ended:
            await runs.finish_run("run-1", "done", "4")


async def audit(path: Path) -> Audit:
    async with await Database.open(path) as database:
        return await Runs(database).verify("run-1")


async def faults(path: Path) -> list[tuple[str, int | None]]:
    return [(finding.fault, finding.sequence) for finding in (await audit(path)).findings]


def changed(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


@pytest.fixture
async def store(tmp_path: Path) -> Path:
    await recorded(tmp_path / "store.db")
    return tmp_path / "store.db"


async def test_what_was_recorded_is_intact(store: Path) -> None:
    found = await audit(store)
    assert (found.intact, found.chained, found.messages, found.findings) == (True, True, ROUNDS, ())


async def test_a_copy_is_checked_with_the_key_alone(store: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "copy"
    elsewhere.mkdir()
    shutil.copy(store, elsewhere)
    assert await faults(elsewhere / "store.db") == [("key", None)]
    shutil.copy(tmp_path / "audit.key", elsewhere)
    assert (await audit(elsewhere / "store.db")).intact


async def test_a_run_that_is_not_there(store: Path) -> None:
    async with await Database.open(store) as database:
        with pytest.raises(BadInput, match="no run other"):
            await Runs(database).verify("other")


FOUR_TO_FIVE = "UPDATE messages SET wire = replace(wire, '4', '5') WHERE sequence = 3"


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([FOUR_TO_FIVE], [("changed", 3)]),
        (["UPDATE messages SET wire = 'rubbish' WHERE sequence = 0"], [("changed", 0)]),
        (["UPDATE messages SET sender = 'bob' WHERE sequence = 2"], [("changed", 2)]),
        (["UPDATE messages SET completion_tokens = 0, cost = 0 WHERE sequence = 5"], [("changed", 5)]),
        (["UPDATE messages SET chain = 'rubbish' WHERE sequence = 2"], [("changed", 2), ("changed", 3)]),
        (["DELETE FROM messages WHERE sequence = 2"], [("missing", 2)]),
        (["DELETE FROM messages WHERE sequence IN (0, 3, 4)"], [("missing", 0), ("missing", 3), ("missing", 4)]),
        (["DELETE FROM messages WHERE sequence = 5"], [("truncated", 5)]),
        (["DELETE FROM messages WHERE sequence > 2"], [("truncated", 3)]),
        (["DELETE FROM messages"], [("truncated", 0)]),
        (
            [
                "UPDATE messages SET sequence = 99 WHERE sequence = 1",
                "UPDATE messages SET sequence = 1 WHERE sequence = 2",
                "UPDATE messages SET sequence = 2 WHERE sequence = 99",
            ],
            [("reordered", 1), ("reordered", 2)],
        ),
        (
            ["CREATE TABLE one AS SELECT * FROM messages WHERE sequence = 5",
             "UPDATE one SET id = 'x', sequence = 6, wire = replace(wire, '\"sequence\":5', '\"sequence\":6')",
             "INSERT INTO messages SELECT * FROM one"],
            [("changed", 6), ("added", 6)],
        ),
        (["UPDATE runs SET answer = '5'"], [("end", None)]),
        (["UPDATE runs SET status = 'failed'"], [("end", None)]),
        (["UPDATE runs SET task = '3 + 3?'"], [("record", None)]),
        (["UPDATE runs SET record = replace(record, '\"seed\": 7', '\"seed\": 8')"], [("record", None)]),
        (["UPDATE chains SET end_seal = NULL"], [("end", None)]),
        (["UPDATE chains SET seal = substr(seal, 1, 9) || 'rubbish'"], [("head", None)]),
        (["UPDATE chains SET seal = 'rubbish'"], [("key", None)]),
        (["DELETE FROM chains"], [("head", None)]),
    ],
)  # fmt: skip
async def test_every_change_is_found_and_named(
    store: Path, statements: list[str], expected: list[tuple[str, int | None]]
) -> None:
    changed(store, *statements)
    assert await faults(store) == expected


async def test_every_single_byte_of_every_message_counts(store: Path) -> None:
    with closing(sqlite3.connect(store)) as connection:
        (wire,) = connection.execute("SELECT wire FROM messages WHERE sequence = 3").fetchone()
    for at in range(0, len(wire), 7):
        other = wire[:at] + chr((ord(wire[at]) - 31) % 95 + 32) + wire[at + 1 :]
        with closing(sqlite3.connect(store)) as connection, connection:
            connection.execute("UPDATE messages SET wire = ? WHERE sequence = 3", (other,))
        assert 3 in [sequence for _, sequence in await faults(store)], at


async def test_a_chain_that_was_made_anew_lacks_its_seal(store: Path) -> None:
    """With the database alone, everything can be made to fit but the seal."""
    changed(store, 'UPDATE messages SET wire = replace(wire, \'"answer":"4"\', \'"answer":"5"\') WHERE sequence = 3')
    with closing(sqlite3.connect(store)) as connection, connection:
        (before,) = connection.execute("SELECT start FROM chains").fetchone()
        for sequence, wire in connection.execute("SELECT sequence, wire FROM messages ORDER BY sequence").fetchall():
            before = linked(before, wire)
            connection.execute("UPDATE messages SET chain = ? WHERE sequence = ?", (before, sequence))
        connection.execute("UPDATE chains SET head = ?", (before,))
    assert await faults(store) == [("head", None), ("end", None)]


async def test_a_run_that_goes_on_keeps_its_chain(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    await recorded(path, ended=False)
    async with await Database.open(path) as database:
        runs = Runs(database)
        assert (await runs.verify("run-1")).intact
        await runs.finish_run("run-1", "interrupted", None)
        assert (await runs.verify("run-1")).intact
        await runs.claim("run-1")
        assert (await runs.verify("run-1")).intact
        again = await runs.append(message(round=0))
        assert again.sequence == 0
        await runs.append(message(round=ROUNDS))
        await runs.finish_run("run-1", "done", "4")
        found = await runs.verify("run-1")
        assert (found.intact, found.messages) == (True, ROUNDS + 1)


async def test_messages_that_are_cut_off_are_missed_after_a_run_went_on(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    await recorded(path, ended=False)
    changed(path, "DELETE FROM messages WHERE sequence > 3")
    async with await Database.open(path) as database:
        await Runs(database).append(message(round=ROUNDS))
    assert ("changed", 4) in await faults(path)


async def test_many_runs_at_once_and_two_processes_on_one(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with await Database.open(path) as one, await Database.open(path) as two:
        here, there = Runs(one), Runs(two)
        for run in ("run-1", "run-2"):
            await here.start_run(run_record(run))
        for round in range(10):
            for runs in (here, there):
                await runs.append(message("run-1", round, sender="ann" if runs is here else "bob"))
            await here.append(message("run-2", round))
        for run, count in (("run-1", 20), ("run-2", 10)):
            found = await there.verify(run)
            assert (found.intact, found.messages) == (True, count)


def of_an_earlier_version(path: Path) -> None:
    """A store of schema 0003: one run with two messages, and no chain."""
    engine = sa.create_engine(f"sqlite:///{path}")
    record = run_record().model_dump(mode="json", exclude={"status", "answer", "detail", "updated"})
    with engine.begin() as connection:
        migrations.upgrade(connection, "0003")
        time = "2026-01-01T12:00:00.000000+00:00"
        connection.execute(
            sa.text(
                "INSERT INTO runs (id, created, updated, status, detail, protocol, task, record) "
                "VALUES ('run-1', :time, :time, 'interrupted', '', 'debate', '2 + 2?', :record)"
            ),
            {"time": time, "record": json.dumps(record)},
        )
        for sequence in range(2):
            said = message(round=sequence, sequence=sequence)
            usage = said.usage.model_dump()
            names = ", ".join(usage)
            connection.execute(
                sa.text(
                    f"INSERT INTO messages (run, id, sequence, sender, node, round, kind, time, wire, {names}) VALUES "
                    f"('run-1', :id, :sequence, 'ann', 'debate', :sequence, 'proposal', :time, :wire, "
                    f"{', '.join(':' + name for name in usage)})"
                ),
                {
                    "id": said.id, "sequence": sequence, "wire": said.model_dump_json(), **usage,
                    "time": said.time.isoformat(timespec="microseconds"),
                },
            )  # fmt: skip
    engine.dispose()


async def test_a_run_of_an_earlier_version_is_read_and_not_chained(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    of_an_earlier_version(path)
    async with await Database.open(path) as database:
        runs = Runs(database)
        found = await runs.verify("run-1")
        assert (found.intact, found.chained, found.messages, found.findings) == (False, False, 2, ())
        assert [said.round for said in await runs.messages("run-1")] == [0, 1]
        assert not (tmp_path / "audit.key").exists()


async def test_a_run_of_an_earlier_version_that_goes_on_is_chained_from_then_on(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    of_an_earlier_version(path)
    async with await Database.open(path) as database:
        runs = Runs(database)
        await runs.claim("run-1")
        await runs.append(message(round=2))
        await runs.finish_run("run-1", "done", "4")
        assert (await runs.verify("run-1")).intact
    changed(path, FOUR_TO_FIVE.replace("3", "1"))
    assert await faults(path) == [("changed", 1)]


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "audit.key"
    first, again = SealingKey.of(path), SealingKey.of(path)
    head = Head("run", "start", 1, "hash")
    assert first.seal(head) == again.seal(head) != SealingKey.passing().seal(head)
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert [file.name for file in path.parent.iterdir()] == ["audit.key"]


async def test_a_key_that_is_none_is_a_fault_of_the_store(tmp_path: Path) -> None:
    (tmp_path / "audit.key").write_text("short")
    async with await Database.open(tmp_path / "store.db") as database:
        with pytest.raises(StoreError, match=r"audit\.key is no key"):
            await Runs(database).start_run(run_record(), message())


async def test_a_key_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTNET_AUDIT_KEY", str(tmp_path / "keys" / "mine"))
    await recorded(tmp_path / "store.db")
    assert (await audit(tmp_path / "store.db")).intact
    assert not (tmp_path / "audit.key").exists()
    monkeypatch.delenv("AGENTNET_AUDIT_KEY")
    assert await faults(tmp_path / "store.db") == [("key", None)]


def test_the_start_covers_the_record() -> None:
    row = {"id": "a", "created": "b", "protocol": "c", "task": "d", "record": {"e": [1.5, "é"]}}
    starts: set[str] = {start_of(row), start_of({**row, "status": "done"})}
    assert len(starts) == 1
    change: Callable[[str], dict[str, object]] = lambda name: {**row, name: "other"}  # noqa: E731
    assert len(starts | {start_of(change(name)) for name in row}) == 6
