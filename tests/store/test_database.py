"""Opening: schema versions, and faults told in one line."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from agentnet.contracts.messages import Message
from agentnet.errors import StoreError, StoreTooNew
from agentnet.store import Database, Runs, migrations
from agentnet.store.engine import open_engine
from agentnet.store.tables import metadata

from .samples import message, run_record


def test_the_migrations_make_the_tables_of_the_models(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "store.db")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_every_migration_is_named_in_the_order_it_runs() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    steps = [step.revision for step in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(steps)) == migrations.KNOWN


async def test_a_run_of_the_first_version_is_read_and_listed(tmp_path: Path) -> None:
    """Its record has the key `signature`, and nothing says which process works on it."""
    path = tmp_path / "store.db"
    before = sa.create_engine(f"sqlite:///{path}")
    record = run_record().model_dump(mode="json", exclude={"status", "answer", "detail", "updated"})
    record["signature"] = record.pop("fingerprint")
    with before.begin() as connection:
        migrations.upgrade(connection, "0002")
        old = sa.table(
            "runs", *map(sa.column, ("id", "created", "updated", "status", "detail", "protocol", "task", "record"))
        )
        time = "2026-01-01T12:00:00.000000+00:00"
        values = {"created": time, "updated": time, "detail": "", "protocol": "debate", "task": "2 + 2?"}
        for status in ("done", "running"):
            row = {"id": status, "status": status, **values, "record": json.dumps({**record, "id": status})}
            connection.execute(sa.insert(old).values(row))
    before.dispose()
    async with await Database.open(path) as database:
        runs = Runs(database)
        found = await runs.find("done")
        assert (found.fingerprint, found.status) == ("abc", "done")
        assert [run.status for run in await runs.latest()] == ["done", "interrupted"]


@pytest.mark.parametrize("prepared", ["", "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"])
async def test_an_older_store_is_brought_up_to_date(tmp_path: Path, prepared: str) -> None:
    path = tmp_path / "store.db"
    with sqlite3.connect(path) as connection:
        connection.execute(prepared)
    async with await Database.open(path) as database:
        runs = Runs(database)
        await runs.start_run(run_record())
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(migrations.NEWEST,)]


async def test_a_newer_store_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    await (await Database.open(path)).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreTooNew) as caught:
        await Database.open(path)
    assert str(path) in str(caught.value)
    assert "update agentnet-ai" in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_opening_a_store_that_is_up_to_date_does_not_import_alembic(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    await (await Database.open(path)).close()
    program = (
        "import asyncio, sys\n"
        "import agentnet.store\n"
        "assert 'sqlalchemy' not in sys.modules and 'langgraph' not in sys.modules\n"
        f"asyncio.run(agentnet.store.Database.open({str(path)!r}))\n"
        "assert 'alembic' not in sys.modules and 'langgraph' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


async def test_sqlite_is_set_for_many_readers_and_safe_commits(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "store.db")
    with engine.connect() as connection:
        found = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    engine.dispose()
    assert found == ["wal", 1, 1, 30_000]


def test_several_processes_may_create_a_store_at_once(tmp_path: Path) -> None:
    program = (
        "import asyncio; from agentnet.store import Database; "
        f"asyncio.run(Database.open({str(tmp_path / 'store.db')!r}))"
    )
    started = [subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE) for _ in range(4)]
    for process in started:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors.decode()


async def test_what_is_no_store_is_named_and_left_alone(tmp_path: Path) -> None:
    text, other = tmp_path / "notes.db", tmp_path / "other.db"
    text.write_bytes(b"these are notes, not a database " * 100)
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE cats (name TEXT)")
    with pytest.raises(StoreError, match=r"notes\.db: file is not a database; it is damaged or something else"):
        await Database.open(text)
    with pytest.raises(StoreError, match=r"other\.db: holds other tables \(cats\): choose another file"):
        await Database.open(other)
    assert text.read_bytes().startswith(b"these are notes")


async def test_places_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for where in (
        tmp_path,
        tmp_path / "file" / "store.db",
        "nosuch://host/db",
        "postgresql+nodriver://host/db",
        "sqlite://[",
    ):
        with pytest.raises(StoreError) as caught:
            await Database.open(where)
        assert str(caught.value).startswith("store ")
        assert "\n" not in str(caught.value)


async def test_a_full_disk_is_told_and_what_was_recorded_stays(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with await Database.open(path, {"max_page_count": 80}) as database:
        runs = Runs(database)
        await runs.start_run(run_record())
        stored: list[Message] = []

        async def fill() -> None:
            while len(stored) < 1000:
                stored.append(await runs.append(message(round=len(stored), node="x" * 2000)))

        with pytest.raises(StoreError, match=r"store\.db: database or disk is full; free some disk space and resume"):
            await fill()
        assert await runs.messages("run-1") == stored
    async with await Database.open(path) as database:
        runs = Runs(database)
        assert (await runs.append(message(round=5000))).sequence == len(stored)


async def test_a_locked_store_and_a_read_only_one_say_so(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with await Database.open(path, {"busy_timeout": 50}) as database:
        runs = Runs(database)
        await runs.start_run(run_record())
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="database is locked; another process holds it: try again"):
            await runs.append(message())
        assert await runs.messages("run-1") == [], "readers do not wait"
        other.execute("ROLLBACK")
        other.close()
        assert (await runs.append(message())).sequence == 0
    async with await Database.open(path, {"query_only": "ON"}) as database:
        runs = Runs(database)
        with pytest.raises(StoreError, match="readonly database; choose another place with --store or AGENTNET_STORE"):
            await runs.append(message(round=1))
