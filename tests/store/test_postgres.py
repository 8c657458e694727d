"""What is PostgreSQL's own: its driver, its faults, and values that it has a smaller place for."""

from __future__ import annotations

import asyncio
import sys
from itertools import count

import pytest

from agentnet.contracts.bodies import Proposal, Task
from agentnet.contracts.evaluations import EvaluationRecord
from agentnet.contracts.usage import Usage
from agentnet.errors import ResumeError, StoreError
from agentnet.store import Database, Evaluations, Runs
from agentnet.store.engine import locate
from agentnet.store.owner import Owner
from tests.postgres import Server

from .samples import message, run_record

pytestmark = pytest.mark.postgres


@pytest.mark.parametrize("url", ["postgresql://me@box/runs", "postgres://me@box/runs"])
def test_a_url_without_a_driver_takes_ours(url: str) -> None:
    assert locate(url).drivername == "postgresql+psycopg"
    assert locate("postgresql+pg8000://me@box/runs").drivername == "postgresql+pg8000"


async def test_any_text_and_any_count_is_stored_and_verified(postgres: Server) -> None:
    async with await Database.open(postgres.new()) as database:
        runs = Runs(database)
        await runs.start_run(run_record(task=Task(text="zero \0 and 100 % of it", label="math")))
        said = await runs.append(
            message(body=Proposal(answer="\0", text="a\0b"), usage=Usage(calls=2**40, prompt_tokens=2**60))
        )
        assert await runs.messages("run-1") == [said]
        await runs.finish_run("run-1", "done", "a\0b")
        assert (await runs.record("run-1")).task.text == "zero \0 and 100 % of it"
        assert (await runs.record("run-1")).answer == "a\N{REPLACEMENT CHARACTER}b"
        assert (await runs.usage("run-1")).prompt_tokens == 2**60


async def test_several_processes_make_the_tables_and_write_to_one_run(postgres: Server) -> None:
    where = postgres.new()
    databases = await asyncio.gather(*(Database.open(where) for _ in range(4)))
    writing = [Runs(database) for database in databases]
    await writing[0].start_run(run_record())
    for round in range(5):
        turns = (runs.append(message(round=round, sender=f"m{place}")) for place, runs in enumerate(writing))
        await asyncio.gather(*turns)
    assert [kept.sequence for kept in await writing[0].messages("run-1")] == list(range(20))
    assert (await writing[1].verify("run-1")).intact
    for database in databases:
        await database.close()


async def test_of_two_that_resume_a_run_at_once_one_gets_it(postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    where = postgres.new()
    async with await Database.open(where) as one, await Database.open(where) as two:
        await Runs(one).start_run(run_record(status="interrupted"))
        numbers = count(1)
        monkeypatch.setattr("agentnet.store.runs.this_process", lambda: Owner("box", next(numbers), "today"))
        monkeypatch.setattr("agentnet.store.owner.Owner.state", lambda self: "alive")
        outcomes = await asyncio.gather(Runs(one).claim("run-1"), Runs(two).claim("run-1"), return_exceptions=True)
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "ResumeError"]
        assert any(isinstance(outcome, ResumeError) for outcome in outcomes)


async def test_a_server_that_was_away_is_used_again(postgres: Server) -> None:
    async with await Database.open(postgres.new()) as database:
        runs = Runs(database)
        await runs.start_run(run_record())
        postgres.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'test_%'")
        assert (await runs.append(message())).sequence == 0


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://me:secret@127.0.0.1:1/runs", "the database's server does not answer: start it, or check"),
        ("{there}/none", 'database "none" does not exist'),
        ("{nobody}", 'role "nobody" does not exist; check the user and the password in the URL'),
    ],
    ids=["server", "database", "user"],
)
async def test_what_is_not_there_is_told_in_one_line_without_the_password(
    postgres: Server, url: str, told: str
) -> None:
    there = postgres.url("postgres")
    url = url.format(there=there.removesuffix("/postgres"), nobody=there.replace("agentnet@", "nobody:secret@"))
    with pytest.raises(StoreError) as caught:
        await Database.open(url)
    assert told in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_driver_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"pip install 'agentnet-ai\[postgres\]'"):
        await Database.open("postgresql://me@127.0.0.1/runs")


async def test_an_evaluation_is_kept(postgres: Server) -> None:
    record = run_record()
    async with await Database.open(postgres.new()) as database:
        evaluations = Evaluations(database)
        started = EvaluationRecord(
            id="e1",
            name="suite",
            suite={},
            suite_source="suite.yaml",
            folder=".",
            network=record.network,
            network_folder=".",
            systems=(),
            created=record.created,
            updated=record.updated,
        )
        await evaluations.start(started, {"test": []})
        assert (await evaluations.find("e")).id == "e1"
        await evaluations.save(started.model_copy(update={"status": "done"}))
        assert [known.status for known in await evaluations.latest()] == ["done"]
