"""However a run ends, the end is recorded and published, nothing is left behind, and the run can be resumed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from agentnet.contracts.bodies import Task
from agentnet.contracts.events import Event, MessageSaid, RunEnded, RunStarted, TurnStarted
from agentnet.contracts.limits import Limits
from agentnet.contracts.messages import Message
from agentnet.contracts.network import NetworkSpec
from agentnet.coordinator import Coordinator, Outcome
from agentnet.errors import BadInput, ResumeError, StoreError
from agentnet.models.base import Request
from agentnet.models.llama import LlamaModel
from agentnet.network import Network, Registry, find_network
from agentnet.store import Database, Runs, open_checkpointer
from agentnet.store.checkpoints import Checkpointer
from tests.scripted import agent, from_the_prompt, network, prompts, says, spec

TASK = Task(text="What is 17 × 23?")
DEBATE = spec({"debate": {"members": ["@solver"], "rounds": 3, "stop": "never"}})
TIMEOUT = 30


class Storage:
    def __init__(self, runs: Runs, checkpointer: Checkpointer) -> None:
        self.runs, self.checkpointer = runs, checkpointer

    def coordinator(self, web: Any) -> Coordinator:
        return Coordinator(web, store=self.runs, checkpointer=self.checkpointer)

    async def checkpoints(self) -> int:
        async with self.checkpointer.conn.execute(
            "SELECT (SELECT count(*) FROM checkpoints) + (SELECT count(*) FROM writes)"
        ) as cursor:
            (row,) = await cursor.fetchall()
            return int(row[0])


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    async with (
        await Database.open(tmp_path / "store.db") as database,
        open_checkpointer(tmp_path / "checkpoints.db") as checkpointer,
    ):
        yield Storage(Runs(database), checkpointer)


class Stuck:
    """An agent's script that answers the first requests and then waits to be cancelled or let go."""

    def __init__(self, after: int = 0) -> None:
        self.left = after
        self.waiting = asyncio.Event()
        self.go = asyncio.Event()

    async def __call__(self, request: Request) -> str:
        if self.left:
            self.left -= 1
        else:
            self.waiting.set()
            await self.go.wait()
        return from_the_prompt(request)


def trio(script: Callable[[Request], Any]) -> Network:
    return network(agent("ada", from_the_prompt), agent("ben", script), agent("cyd", from_the_prompt))


async def begun(work: asyncio.Task[Any], stuck: Stuck) -> None:
    async with asyncio.timeout(TIMEOUT):
        await asyncio.wait([work, asyncio.create_task(stuck.waiting.wait())], return_when=asyncio.FIRST_COMPLETED)


async def uninterrupted() -> Outcome:
    return await Coordinator(trio(from_the_prompt)).run(TASK, DEBATE, run="r", seed=3)


def said(messages: tuple[Message, ...] | list[Message]) -> dict[str, Any]:
    return {message.id: message.body for message in messages}


async def test_a_cancelled_run_is_recorded_and_resumed_without_asking_again(storage: Storage) -> None:
    stuck, events = Stuck(after=1), list[Event]()
    web = trio(stuck)
    work = asyncio.create_task(storage.coordinator(web).run(TASK, DEBATE, run="r", seed=3, on_event=events.append))
    await begun(work, stuck)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    record = await storage.runs.record("r")
    assert (record.status, record.answer, record.detail) == ("cancelled", None, "no longer wanted")
    assert isinstance(events[-1], RunEnded)
    assert events[-1].status == "cancelled"
    assert asyncio.all_tasks() == {asyncio.current_task()}
    stuck.go.set()
    resumed = await storage.coordinator(web).resume(record, DEBATE)
    assert said(resumed.messages) == said((await uninterrupted()).messages)
    assert len(prompts(web["ada"])) == 3  # type: ignore[arg-type]
    assert (await storage.runs.record("r")).status == "done"
    assert await storage.checkpoints() == 0


async def test_who_cancels_by_id_gets_the_outcome(storage: Storage) -> None:
    stuck = Stuck()
    coordinator = storage.coordinator(trio(stuck))
    work = asyncio.create_task(coordinator.run(TASK, DEBATE, run="r"))
    await begun(work, stuck)
    assert coordinator.running == ("r",)
    assert await coordinator.cancel("r")
    outcome = await work
    assert (outcome.status, outcome.answer) == ("cancelled", None)
    assert (await storage.runs.record("r")).status == "cancelled"
    assert coordinator.running == ()
    assert not await coordinator.cancel("r")


async def test_closing_a_coordinator_cancels_what_goes_on(storage: Storage) -> None:
    stuck = Stuck()
    coordinator = storage.coordinator(trio(stuck))
    work = [asyncio.create_task(coordinator.run(TASK, DEBATE, run=f"r{index}")) for index in range(3)]
    await begun(work[0], stuck)
    await coordinator.close()
    assert [outcome.status for outcome in await asyncio.gather(*work)] == ["cancelled"] * 3
    assert {record.status for record in await storage.runs.latest()} == {"cancelled"}


async def test_a_stream_that_is_left_ends_its_run_before_it_closes(storage: Storage) -> None:
    stuck = Stuck()
    stream = storage.coordinator(trio(stuck)).stream(TASK, DEBATE, run="r")
    async for event in stream:
        if isinstance(event, TurnStarted):
            break
    await stream.aclose()  # type: ignore[attr-defined]
    assert (await storage.runs.record("r")).status == "cancelled"
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_run_that_is_cancelled_before_it_is_recorded_leaves_a_foreign_run_alone(storage: Storage) -> None:
    """Its id is taken: the run that has it keeps its status and its answer."""
    done = await storage.coordinator(trio(from_the_prompt)).run(TASK, DEBATE, run="r")
    work = asyncio.create_task(storage.coordinator(trio(from_the_prompt)).run(TASK, DEBATE, run="r"))
    await asyncio.sleep(0)
    work.cancel()
    with pytest.raises((asyncio.CancelledError, BadInput)):
        await work
    with pytest.raises(BadInput, match="there is a run r already"):
        await storage.coordinator(trio(from_the_prompt)).run(TASK, DEBATE, run="r")
    record = await storage.runs.record("r")
    assert (record.status, record.answer) == ("done", done.answer)


async def test_a_fault_around_the_run_is_recorded_and_published(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full for one message: the run says so, is `interrupted`, and goes on later where it was."""
    append, events = storage.runs.append, list[Event]()

    async def full(message: Message) -> Message:
        if message.round == 1:
            raise StoreError("the disk is full")
        return await append(message)

    monkeypatch.setattr(storage.runs, "append", full)
    web = trio(from_the_prompt)
    with pytest.raises(StoreError, match="the disk is full"):
        await storage.coordinator(web).run(TASK, DEBATE, run="r", seed=3, on_event=events.append)
    assert isinstance(events[-1], RunEnded)
    assert (events[-1].status, events[-1].detail) == ("interrupted", "the disk is full")
    record = await storage.runs.record("r")
    assert (record.status, record.detail) == ("interrupted", "the disk is full")
    monkeypatch.undo()
    resumed = await storage.coordinator(web).resume(record, DEBATE)
    assert said(resumed.messages) == said((await uninterrupted()).messages)


async def test_an_end_that_cannot_be_written_is_read_and_written_as_soon_as_it_can(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, full = storage.runs._database.write, True

    async def sometimes(work: Any) -> Any:
        if full and "_record_end" in work.__qualname__:
            raise StoreError("the disk is full")
        return await write(work)

    monkeypatch.setattr(storage.runs._database, "write", sometimes)
    coordinator = storage.coordinator(trio(from_the_prompt))
    with pytest.raises(StoreError, match="the disk is full"):
        await coordinator.run(TASK, DEBATE, run="r")
    assert (await storage.runs.record("r")).status == "done"
    assert (await Runs(storage.runs._database).record("r")).status == "running"
    events = await asyncio.wait_for(_all(coordinator.follow("r")), TIMEOUT)
    assert isinstance(events[-1], RunEnded)
    full = False
    assert (await storage.runs.record("r")).status == "done"
    assert (await Runs(storage.runs._database).record("r")).status == "done"


async def test_a_listener_that_fails_harms_nobody(storage: Storage, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[Event] = []

    def broken(event: Event) -> None:
        seen.append(event)
        raise RuntimeError("the browser is gone")

    coordinator = storage.coordinator(trio(from_the_prompt))
    work = asyncio.create_task(coordinator.run(TASK, DEBATE, run="r", on_event=broken))
    outcome = await work
    assert (outcome.status, len(seen)) == ("done", 1)
    assert "a listener of run r failed and is detached" in caplog.text
    assert (await storage.runs.record("r")).status == "done"


async def test_a_run_that_goes_on_is_not_resumed_beside_itself(storage: Storage) -> None:
    stuck = Stuck()
    coordinator = storage.coordinator(trio(stuck))
    work = asyncio.create_task(coordinator.run(TASK, DEBATE, run="r"))
    await begun(work, stuck)
    with pytest.raises(ResumeError, match="run r is active: follow it instead"):
        await coordinator.resume(await storage.runs.record("r"), DEBATE)
    await coordinator.cancel("r")
    await work


@pytest.mark.parametrize("turns_of_the_loop", range(12))
async def test_a_resumption_that_is_cancelled_leaves_no_run_running(storage: Storage, turns_of_the_loop: int) -> None:
    coordinator = storage.coordinator(trio(from_the_prompt))
    await coordinator.run(TASK, DEBATE, run="r", seed=3, limits=Limits(calls=2))
    stopped = await storage.runs.record("r")
    work = asyncio.create_task(coordinator.resume(stopped, DEBATE, limits=Limits(calls=100)))
    for _ in range(turns_of_the_loop):
        await asyncio.sleep(0)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    record = await storage.runs.record("r")
    assert record.status in ("stopped", "cancelled")
    outcome = await coordinator.resume(record, DEBATE, limits=Limits(calls=100))
    assert said(outcome.messages) == said((await uninterrupted()).messages)


async def test_a_listener_that_cannot_be_called_is_refused_before_anything_runs(storage: Storage) -> None:
    async def listen(event: Event) -> None:
        """Awaited by nothing."""

    coordinator = storage.coordinator(trio(from_the_prompt))
    for listener in (listen, 5):
        with pytest.raises(BadInput, match="give a plain function of one event"):
            await coordinator.run(TASK, DEBATE, on_event=listener)  # type: ignore[arg-type]
    assert await storage.runs.latest() == []


# following


async def test_who_comes_late_gets_the_past_and_then_the_present(storage: Storage) -> None:
    stuck = Stuck(after=1)
    coordinator = storage.coordinator(trio(stuck))
    live: list[Event] = []
    work = asyncio.create_task(coordinator.run(TASK, DEBATE, run="r", on_event=live.append))
    await begun(work, stuck)
    follower = asyncio.create_task(_all(coordinator.follow("r")))
    await asyncio.sleep(0)
    stuck.go.set()
    outcome = await work
    followed = await follower
    assert isinstance(followed[0], RunStarted)
    assert [event.message for event in followed if isinstance(event, MessageSaid)] == list(outcome.messages)
    assert followed[-1] == live[-1] == RunEnded(run="r", status="done", answer=outcome.answer, usage=outcome.usage)
    again = [event async for event in storage.coordinator(trio(stuck)).follow("r")]
    assert [event.message for event in again if isinstance(event, MessageSaid)] == list(outcome.messages)
    assert isinstance(again[-1], RunEnded)
    assert (again[-1].status, again[-1].answer) == ("done", outcome.answer)


async def test_a_follower_that_leaves_does_not_touch_the_run(storage: Storage) -> None:
    stuck = Stuck()
    coordinator = storage.coordinator(trio(stuck))
    work = asyncio.create_task(coordinator.run(TASK, DEBATE, run="r"))
    await begun(work, stuck)
    follower = coordinator.follow("r")
    assert isinstance(await anext(follower), RunStarted)
    await follower.aclose()  # type: ignore[attr-defined]
    stuck.go.set()
    assert (await work).status == "done"


async def test_a_run_of_another_process_is_followed_to_its_end(storage: Storage) -> None:
    """As far as the store tells: here the run is another coordinator's."""
    stuck = Stuck()
    work = asyncio.create_task(storage.coordinator(trio(stuck)).run(TASK, DEBATE, run="r"))
    await begun(work, stuck)
    other = storage.coordinator(trio(from_the_prompt))
    follower = asyncio.create_task(_all(other.follow("r")))
    await asyncio.sleep(0.3)
    stuck.go.set()
    outcome = await work
    events = await asyncio.wait_for(follower, TIMEOUT)
    assert [event.message for event in events if isinstance(event, MessageSaid)] == list(outcome.messages)
    assert isinstance(events[-1], RunEnded)


async def _all(events: AsyncIterator[Event]) -> list[Event]:
    return [event async for event in events]


async def test_an_unknown_run_cannot_be_followed(storage: Storage) -> None:
    with pytest.raises(BadInput, match="no run x"):
        await anext(storage.coordinator(trio(from_the_prompt)).follow("x"))
    with pytest.raises(ResumeError, match="no store to read it from"):
        await anext(Coordinator(trio(from_the_prompt)).follow("x"))


# nothing grows


async def test_two_hundred_cancelled_runs_leave_nothing_behind(storage: Storage) -> None:
    """Real models: no task, no thread, no checkpoint, no cell of a cache."""
    spec_of_zoo, base = find_network("zoo")
    members = tuple(member for member in spec_of_zoo.agents if member.name in ("atlas", "math", "sage"))
    async with Registry.open(NetworkSpec(name="three", agents=members), base) as registry:
        coordinator = storage.coordinator(registry)
        debate = spec({"debate": {"members": ["atlas", "math", "sage"], "rounds": 3, "stop": "never"}})
        task = Task(text="What is 347 + 285?", label="math")
        await coordinator.run(task, debate, run="first")
        threads = threading.active_count()
        for index in range(0, 200, 20):
            work = [
                asyncio.create_task(coordinator.run(task, debate, run=f"r{index + number}")) for number in range(20)
            ]
            await asyncio.sleep(0.01 * (index // 20))
            for each in work:
                each.cancel()
            await asyncio.gather(*work, return_exceptions=True)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert threading.active_count() == threads
        assert await storage.checkpoints() == 0
        assert coordinator.running == ()
        statuses = [record.status for record in await storage.runs.latest(300)]
        assert len(statuses) > 150
        assert set(statuses) <= {"cancelled", "done"}
        assert statuses.count("cancelled") > 100
        for member in registry.snapshot():
            model = member.model  # type: ignore[attr-defined]
            assert isinstance(model, LlamaModel)
            await asyncio.to_thread(_settled, model)
        again = await coordinator.run(task, debate, run="last")
        assert again.answer == "632"


def _settled(model: LlamaModel) -> None:
    """Wait until the engine has taken note of what was cancelled, and look at its cache."""
    scheduler = model._engine._scheduler
    for _ in range(200):
        if not scheduler.busy:
            break
        threading.Event().wait(0.01)
    assert not scheduler.busy
    assert model._engine._context.cache.free == model._engine.cells


async def test_compiled_protocols_are_bounded() -> None:
    coordinator = Coordinator(trio(from_the_prompt))
    for index in range(100):
        await coordinator.run(TASK, spec("ada", name=f"p{index}"))
    assert len(coordinator._compiled) == 64
    assert coordinator.prepare(spec("ada", name="p99")) is coordinator.prepare(spec("ada", name="p99"))


async def test_a_limit_still_stops_a_run_that_can_be_resumed(storage: Storage) -> None:
    coordinator = storage.coordinator(trio(says("=> 391")))
    stopped = await coordinator.run(TASK, DEBATE, run="r", limits=Limits(calls=4))
    assert stopped.status == "stopped"
    resumed = await coordinator.resume(await storage.runs.record("r"), DEBATE, limits=Limits(calls=20))
    assert resumed.status == "done"
    assert resumed.usage.calls == 9
