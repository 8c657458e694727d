"""What the store promises: runs, numbered messages that appear once, sums, and what it says when it cannot."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import event

from agentnet.contracts.bodies import Proposal
from agentnet.contracts.network import AgentSpec
from agentnet.contracts.usage import Usage
from agentnet.errors import BadInput, StoreError
from agentnet.store import Store

from .samples import NETWORK, message, run_record


async def test_a_run_is_remembered_with_its_agents_and_its_end(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / "new" / "folder" / "store.db") as store:
        record = run_record()
        await store.start_run(record, [AgentSpec.model_validate(NETWORK.agents[0].model_dump())])
        assert await store.record("run-1") == record
        await store.set_status("run-1", "stopped")
        assert (await store.record("run-1")).status == "stopped"
        await store.finish_run("run-1", "done", "4", "all agreed")
        ended = await store.record("run-1")
        assert (ended.status, ended.answer, ended.detail) == ("done", "4", "all agreed")
        assert ended.updated > record.updated
        assert ended.created == record.created


async def test_a_run_starts_once_and_an_unknown_one_is_refused(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / "store.db") as store:
        await store.start_run(run_record())
        with pytest.raises(BadInput, match="there is a run run-1 already"):
            await store.start_run(run_record())
        for asked in (store.record("x"), store.finish_run("x", "done", "4"), store.set_status("x", "failed")):
            with pytest.raises(BadInput, match="no run x"):
                await asked


async def test_runs_come_newest_first_whatever_their_time_zone(tmp_path: Path) -> None:
    noon = datetime(2030, 1, 1, 12, tzinfo=UTC)
    east = timezone(timedelta(hours=9))
    async with await Store.open(tmp_path / "store.db") as store:
        await store.start_run(run_record("old", created=noon.astimezone(east)))
        await store.start_run(run_record("new", created=noon + timedelta(hours=1)))
        await store.start_run(run_record("middle", created=noon + timedelta(microseconds=1)))
        assert [run.id for run in await store.runs(10)] == ["new", "middle", "old"]
        assert [run.id for run in await store.runs(1)] == ["new"]


async def test_a_run_is_found_by_the_start_of_its_id(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / "store.db") as store:
        for id in ("abc", "abcd", "abz", "x%y"):
            await store.start_run(run_record(id))
        assert (await store.find_run("abz")).id == "abz"
        assert (await store.find_run("abc")).id == "abc", "an exact id wins"
        assert (await store.find_run("x%")).id == "x%y"
        with pytest.raises(BadInput, match=r"several runs start with 'ab' \(abc, abz, abcd\)"):
            await store.find_run("ab")
        for missing in ("%", "ABZ", "q"):
            with pytest.raises(BadInput, match="no run starts with"):
                await store.find_run(missing)


async def test_messages_are_numbered_from_zero_in_the_order_they_came(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / "store.db") as store:
        await store.start_run(run_record())
        said = [message(round=round) for round in range(3)]
        stored = [await store.append(one) for one in said]
        assert [one.sequence for one in stored] == [0, 1, 2]
        assert stored[1] == said[1].model_copy(update={"sequence": 1})
        assert await store.messages("run-1") == stored
        assert await store.message("run-1", said[2].id) == stored[2]
        assert await store.message("run-1", "nothing") is None
        assert await store.messages("nothing") == []


async def test_a_hundred_concurrent_messages_of_ten_runs_leave_no_gaps(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / "store.db") as store:
        runs = [f"run-{number}" for number in range(10)]
        await asyncio.gather(*(store.start_run(run_record(run)) for run in runs))
        stored = await asyncio.gather(*(store.append(message(run, round)) for round in range(10) for run in runs))
        for run in runs:
            kept = await store.messages(run)
            assert [one.sequence for one in kept] == list(range(10))
            assert sorted((one for one in stored if one.run == run), key=lambda one: one.sequence) == kept


async def test_messages_that_arrive_together_share_one_commit(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / "store.db") as store:
        await store.start_run(run_record())
        commits: list[object] = []
        event.listen(store._engine, "commit", commits.append)
        await asyncio.gather(*(store.append(message(sender=sender)) for sender in ("ann", "bob", "cyd")))
        assert len(commits) == 1


async def test_a_message_is_stored_once_even_side_by_side_and_after_reopening(tmp_path: Path) -> None:
    first, again = message(round=0), message(round=0, sequence=5, confidence=0.5)
    async with await Store.open(tmp_path / "store.db") as store:
        await store.start_run(run_record())
        await store.start_run(run_record("other"))
        one, two = await asyncio.gather(store.append(first), store.append(again))
        assert one == two == first.model_copy(update={"sequence": 0})
        assert await store.append(again) == one
        elsewhere = await store.append(first.model_copy(update={"run": "other"}))
        assert elsewhere.run == "other", "ids belong to their run"
    async with await Store.open(tmp_path / "store.db") as store:
        known, new = await asyncio.gather(store.append(again), store.append(message(round=1)))
        assert known == one
        assert new.sequence == 1
        assert [kept.id for kept in await store.messages("run-1")] == [first.id, new.id]


async def test_two_openings_of_a_file_may_write_to_one_run(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with await Store.open(path) as one, await Store.open(path) as two:
        await one.start_run(run_record())
        for round in range(5):
            both = (one.append(message(round=round, sender="ann")), two.append(message(round=round, sender="bob")))
            await asyncio.gather(*both)
        assert [kept.sequence for kept in await one.messages("run-1")] == list(range(10))


async def test_usage_is_the_sum_over_the_messages_and_exact_in_kind(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / "store.db") as store:
        await store.start_run(run_record())
        assert await store.usage("run-1") == Usage()
        for round in range(4):
            await store.append(message(round=round))
        expected = Usage(calls=4, prompt_tokens=40, completion_tokens=20, seconds=2.0, cost=1.0)
        assert await store.usage("run-1") == expected


async def test_one_bad_message_does_not_spoil_its_neighbours(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / "store.db") as store:
        await store.start_run(run_record())
        bad = [
            message("unknown"),
            message(round=2, body=Proposal(answer="\ud800", text="")),
            message(round=3, usage=Usage(calls=2**70)),
        ]
        outcomes = await asyncio.gather(
            store.append(message()), *(store.append(one) for one in bad), return_exceptions=True
        )
        assert [kept.sequence for kept in await store.messages("run-1")] == [0]
        for outcome, expected in zip(outcomes[1:], ("no run unknown", "cannot be stored", "too large"), strict=True):
            assert isinstance(outcome, StoreError)
            assert expected in str(outcome)


async def test_a_cancelled_append_does_not_disturb_others(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / "store.db") as store:
        await store.start_run(run_record())
        cancelled = asyncio.ensure_future(store.append(message(sender="ann")))
        other = asyncio.ensure_future(store.append(message(sender="bob")))
        await asyncio.sleep(0)
        cancelled.cancel()
        assert (await other).sender == "bob"
        numbers = [kept.sequence for kept in await store.messages("run-1")]
        assert numbers == list(range(len(numbers)))


async def test_closing_finishes_what_was_asked_and_then_refuses(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "store.db")
    await store.start_run(run_record())
    asked = asyncio.ensure_future(store.append(message()))
    await asyncio.sleep(0)
    await store.close()
    await store.close()
    assert (await asked).sequence == 0
    with pytest.raises(StoreError, match="is closed already"):
        await store.append(message(round=1))


async def test_a_store_may_live_in_memory_or_at_a_url(tmp_path: Path) -> None:
    for where in (":memory:", "sqlite://", f"sqlite:///{tmp_path}/by-url.db", tmp_path / "odd?name#1.db"):
        async with await Store.open(where) as store:
            await store.start_run(run_record())
            assert (await store.append(message())).sequence == 0
    assert {path.name for path in tmp_path.glob("*.db")} == {"by-url.db", "odd?name#1.db"}
