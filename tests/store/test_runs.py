"""What `Runs` promises: runs, numbered messages that appear once, sums, and what it says when it cannot."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import select

from agentnet.contracts.bodies import Proposal
from agentnet.contracts.usage import Usage
from agentnet.errors import BadInput, StoreError
from agentnet.store import Database, Runs
from agentnet.store.tables import run_agents

from .conftest import commits
from .samples import message, run_record


async def test_a_run_is_remembered_with_its_agents_and_its_end(tmp_path: Path) -> None:
    async with await Database.open(tmp_path / "new" / "folder" / "store.db") as database:
        runs = Runs(database)
        record = run_record()
        await runs.start_run(record)
        assert await runs.record("run-1") == record
        agents = await database.rows(select(run_agents.c.name).order_by(run_agents.c.name))
        assert [row.name for row in agents] == ["ann", "bob", "cyd"]
        await runs.finish_run("run-1", "stopped", None, "3 calls are used up")
        assert (await runs.record("run-1")).status == "stopped"
        await runs.finish_run("run-1", "done", "4", "all agreed")
        ended = await runs.record("run-1")
        assert (ended.status, ended.answer, ended.detail) == ("done", "4", "all agreed")
        assert ended.updated > record.updated
        assert ended.created == record.created


async def test_a_run_starts_once_and_an_unknown_one_is_refused(runs: Runs) -> None:
    await runs.start_run(run_record())
    with pytest.raises(BadInput, match="there is a run run-1 already"):
        await runs.start_run(run_record())
    for asked in (runs.record("x"), runs.finish_run("x", "done", "4"), runs.claim("x")):
        with pytest.raises(BadInput, match="no run x"):
            await asked


async def test_runs_come_newest_first_whatever_their_time_zone(runs: Runs) -> None:
    noon = datetime(2030, 1, 1, 12, tzinfo=UTC)
    east = timezone(timedelta(hours=9))
    await runs.start_run(run_record("old", created=noon.astimezone(east)))
    await runs.start_run(run_record("new", created=noon + timedelta(hours=1)))
    await runs.start_run(run_record("middle", created=noon + timedelta(microseconds=1)))
    assert [run.id for run in await runs.latest(10)] == ["new", "middle", "old"]
    assert [run.id for run in await runs.latest(1)] == ["new"]


async def test_a_run_is_found_by_the_start_of_its_id(runs: Runs) -> None:
    for id in ("abc", "abcd", "abz", "x%y"):
        await runs.start_run(run_record(id))
    assert (await runs.find("abz")).id == "abz"
    assert (await runs.find("abc")).id == "abc", "an exact id wins"
    assert (await runs.find("x%")).id == "x%y"
    with pytest.raises(BadInput, match=r"several runs start with 'ab' \(abc, abz, abcd\)"):
        await runs.find("ab")
    for missing in ("%", "ABZ", "q"):
        with pytest.raises(BadInput, match="no run starts with"):
            await runs.find(missing)


async def test_messages_are_numbered_from_zero_in_the_order_they_came(runs: Runs) -> None:
    await runs.start_run(run_record())
    said = [message(round=round) for round in range(3)]
    stored = [await runs.append(one) for one in said]
    assert [one.sequence for one in stored] == [0, 1, 2]
    assert stored[1] == said[1].model_copy(update={"sequence": 1})
    assert await runs.messages("run-1") == stored
    assert await runs.message("run-1", said[2].id) == stored[2]
    assert await runs.message("run-1", "nothing") is None
    assert await runs.messages("nothing") == []


async def test_a_hundred_concurrent_messages_of_ten_runs_leave_no_gaps(runs: Runs) -> None:
    ids = [f"run-{number}" for number in range(10)]
    await asyncio.gather(*(runs.start_run(run_record(run)) for run in ids))
    stored = await asyncio.gather(*(runs.append(message(run, round)) for round in range(10) for run in ids))
    for run in ids:
        kept = await runs.messages(run)
        assert [one.sequence for one in kept] == list(range(10))
        assert sorted((one for one in stored if one.run == run), key=lambda one: one.sequence) == kept


async def test_messages_that_arrive_together_share_one_commit(runs: Runs) -> None:
    await runs.start_run(run_record())
    with commits() as committed:
        await asyncio.gather(*(runs.append(message(sender=sender)) for sender in ("ann", "bob", "cyd")))
    assert len(committed) == 1


async def test_a_run_and_its_first_message_are_one_commit(runs: Runs) -> None:
    task = message(sender="user")
    with commits() as committed:
        stored = await runs.start_run(run_record(), task)
    assert len(committed) == 1
    assert stored == task.model_copy(update={"sequence": 0})
    with commits() as committed:
        second = await runs.append(message(round=1))
    assert (len(committed), second.sequence) == (1, 1)
    assert (await runs.append(task)) == stored
    assert await runs.messages("run-1") == [stored, second]


async def test_a_run_whose_first_message_cannot_be_stored_is_not_started(runs: Runs) -> None:
    for bad in (message(body=Proposal(answer="\ud800", text="")), message("another run")):
        with pytest.raises(StoreError):
            await runs.start_run(run_record(), bad)
    with pytest.raises(BadInput, match="no run run-1"):
        await runs.record("run-1")
    await runs.start_run(run_record())
    assert (await runs.append(message())).sequence == 0


async def test_what_was_said_since_can_be_read_alone(runs: Runs) -> None:
    await runs.start_run(run_record())
    stored = [await runs.append(message(round=round)) for round in range(4)]
    assert await runs.messages("run-1", after=1) == stored[2:]
    assert await runs.messages("run-1", after=3) == []


async def test_runs_that_are_over_are_told_from_others(runs: Runs) -> None:
    for status in ("done", "failed", "stopped", "cancelled", "running"):
        await runs.start_run(run_record(status, status=status))
    asked = ["running", "done", "unknown", "cancelled", "failed", "stopped", *map(str, range(3000))]
    assert sorted(await runs.over(asked)) == ["done", "failed"]
    assert await runs.over([]) == []


async def test_a_message_is_stored_once_even_side_by_side_and_after_reopening(tmp_path: Path) -> None:
    first, again = message(round=0), message(round=0, sequence=5, confidence=0.5)
    async with await Database.open(tmp_path / "store.db") as database:
        runs = Runs(database)
        await runs.start_run(run_record())
        await runs.start_run(run_record("other"))
        one, two = await asyncio.gather(runs.append(first), runs.append(again))
        assert one == two == first.model_copy(update={"sequence": 0})
        assert await runs.append(again) == one
        elsewhere = await runs.append(first.model_copy(update={"run": "other"}))
        assert elsewhere.run == "other", "ids belong to their run"
    async with await Database.open(tmp_path / "store.db") as database:
        runs = Runs(database)
        known, new = await asyncio.gather(runs.append(again), runs.append(message(round=1)))
        assert known == one
        assert new.sequence == 1
        assert [kept.id for kept in await runs.messages("run-1")] == [first.id, new.id]


async def test_two_openings_of_a_file_may_write_to_one_run(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with await Database.open(path) as first, await Database.open(path) as second:
        one, two = Runs(first), Runs(second)
        await one.start_run(run_record())
        for round in range(5):
            both = (one.append(message(round=round, sender="ann")), two.append(message(round=round, sender="bob")))
            await asyncio.gather(*both)
        assert [kept.sequence for kept in await one.messages("run-1")] == list(range(10))


async def test_usage_is_the_sum_over_the_messages_and_exact_in_kind(runs: Runs) -> None:
    await runs.start_run(run_record())
    assert await runs.usage("run-1") == Usage()
    for round in range(4):
        await runs.append(message(round=round))
    expected = Usage(calls=4, prompt_tokens=40, completion_tokens=20, seconds=2.0, cost=1.0)
    assert await runs.usage("run-1") == expected


async def test_one_bad_message_does_not_spoil_its_neighbours(runs: Runs) -> None:
    await runs.start_run(run_record())
    bad = [
        message("unknown"),
        message(round=2, body=Proposal(answer="\ud800", text="")),
        message(round=3, usage=Usage(calls=2**70)),
    ]
    outcomes = await asyncio.gather(runs.append(message()), *(runs.append(one) for one in bad), return_exceptions=True)
    assert [kept.sequence for kept in await runs.messages("run-1")] == [0]
    for outcome, expected in zip(outcomes[1:], ("no run unknown", "cannot be stored", "too large"), strict=True):
        assert isinstance(outcome, StoreError)
        assert expected in str(outcome)


async def test_a_cancelled_append_does_not_disturb_others(runs: Runs) -> None:
    await runs.start_run(run_record())
    cancelled = asyncio.ensure_future(runs.append(message(sender="ann")))
    other = asyncio.ensure_future(runs.append(message(sender="bob")))
    await asyncio.sleep(0)
    cancelled.cancel()
    assert (await other).sender == "bob"
    numbers = [kept.sequence for kept in await runs.messages("run-1")]
    assert numbers == list(range(len(numbers)))


async def test_closing_finishes_what_was_asked_and_then_refuses(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "store.db")
    runs = Runs(database)
    await runs.start_run(run_record())
    asked = asyncio.ensure_future(runs.append(message()))
    await asyncio.sleep(0)
    await database.close()
    await database.close()
    assert (await asked).sequence == 0
    with pytest.raises(StoreError, match="is closed already"):
        await runs.append(message(round=1))


async def test_a_store_may_live_in_memory_or_at_a_url(tmp_path: Path) -> None:
    for where in (":memory:", "sqlite://", f"sqlite:///{tmp_path}/by-url.db", tmp_path / "odd?name#1.db"):
        async with await Database.open(where) as database:
            runs = Runs(database)
            await runs.start_run(run_record())
            assert (await runs.append(message())).sequence == 0
    assert {path.name for path in tmp_path.glob("*.db")} == {"by-url.db", "odd?name#1.db"}
