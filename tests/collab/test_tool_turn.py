"""Calls of tools within a turn: recorded as they happen, made once, and counted by the budget."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agentnet.agents import ModelAgent, Turn
from agentnet.agents.base import Agent, PlannedTurn, ToolUser
from agentnet.contracts.bodies import PlannedCall, Task, ToolCall
from agentnet.contracts.events import Event, MessageSaid
from agentnet.contracts.limits import Limits
from agentnet.contracts.messages import Message, parse
from agentnet.contracts.usage import Usage
from agentnet.coordinator import Coordinator, Outcome
from agentnet.errors import AgentNetError, ModelUnavailable, ReplyError
from agentnet.store import Database, Runs, open_checkpointer
from tests.scripted import agent, network, says, spec

TASK = Task(text="2 + 3?")
ADD, DOUBLE = PlannedCall(tool="calc/add", arguments={"n": 3}), PlannedCall(tool="calc/double", arguments={"n": 5})
RESULTS = {"calc/add": "5", "calc/double": "10"}


@dataclass
class Bench(ToolUser):
    """Tools that note how they are used. `hangs` is the call that has no end."""

    planned: Sequence[PlannedCall] = (ADD, DOUBLE)
    plans: int = 0
    made: list[tuple[str, str]] = field(default_factory=list)
    hangs: str = ""
    hanging: asyncio.Event = field(default_factory=asyncio.Event)
    fails: Exception | None = None
    unusable: AgentNetError | None = None

    def wanted(self, turn: Turn) -> bool:
        return turn.role in ("solve", "revise")

    def most(self, turn: Turn) -> Usage:
        return Usage(calls=1, prompt_tokens=100, completion_tokens=50)

    async def plan(self, turn: Turn) -> PlannedTurn:
        self.plans += 1
        if self.fails is not None:
            raise self.fails
        usage = Usage(calls=1, prompt_tokens=40, completion_tokens=8)
        return PlannedTurn(tuple(self.planned), usage, self.unusable)

    async def make(self, turn: Turn, call: PlannedCall, id: str) -> ToolCall:
        self.made.append((call.tool, id))
        if call.tool == self.hangs:
            self.hanging.set()
            await asyncio.Event().wait()
        return ToolCall(tool=call.tool, arguments=call.arguments, result=RESULTS[call.tool])


@dataclass(frozen=True)
class Handy(ModelAgent):
    bench: Bench = field(default_factory=Bench)

    @property
    def tools(self) -> Bench:  # type: ignore[override]
        return self.bench


def handy(bench: Bench, *replies: str, name: str = "ann") -> Handy:
    made = agent(name, says(*(replies or ("Answer: 10",))), pack="instruct")
    return Handy(made.name, made.model, made.card, made.pack, made.sampling, bench=bench)


async def ran(*agents: Agent, protocol: object = "ann", **options: object) -> Outcome:
    coordinator = Coordinator(network(*agents))  # type: ignore[arg-type]
    try:
        return await coordinator.run(TASK, spec(protocol), **options)  # type: ignore[arg-type]
    finally:
        await coordinator.close()


def calls_of(messages: Sequence[Message]) -> list[ToolCall]:
    return [message.body for message in messages if isinstance(message.body, ToolCall)]


async def test_each_call_is_a_message_before_the_reply() -> None:
    bench = Bench()
    seen: list[Event] = []
    outcome = await ran(handy(bench), on_event=seen.append)
    task, add, double, reply = outcome.messages
    assert [message.body.kind for message in outcome.messages] == ["task", "tool-call", "tool-call", "proposal"]
    assert add.body == ToolCall(tool="calc/add", arguments={"n": 3}, result="5", turn=reply.id, pending=(DOUBLE,))
    assert double.body == ToolCall(tool="calc/double", arguments={"n": 5}, result="10", turn=reply.id)
    assert {message.sender for message in (add, double, reply)} == {"ann"}
    assert len({message.id for message in outcome.messages}) == 4
    assert bench.made == [("calc/add", add.id), ("calc/double", double.id)]
    assert parse(add.model_dump_json()) == add
    assert [event.message.id for event in seen if isinstance(event, MessageSaid)] == [
        message.id for message in (task, add, double, reply)
    ]


async def test_the_reply_reads_the_results_and_nobody_else_does() -> None:
    ann, bob = handy(Bench(), name="ann"), agent("bob", says("Answer: 10"), pack="instruct")
    await ran(ann, bob, protocol={"serial": {"steps": ["ann", "bob"]}})
    (own,) = ann.model.requests  # type: ignore[attr-defined]
    (other,) = bob.model.requests  # type: ignore[attr-defined]
    assert 'tool 1| 5\n\n[tool 2] calc/double {"n": 5}\ntool 2| 10' in own.messages[0]["content"]
    assert "tool" not in other.messages[0]["content"]


async def test_usage_has_the_calls_and_their_planning() -> None:
    outcome = await ran(handy(Bench()))
    _, add, double, reply = outcome.messages
    assert (add.usage.calls, add.usage.tokens) == (2, 48)  # planned by the model, and made
    assert (double.usage.calls, double.usage.tokens) == (1, 0)
    assert reply.usage.calls == 1
    assert outcome.usage.calls == 4
    assert outcome.usage == sum((message.usage for message in outcome.messages), Usage())


async def test_a_plan_without_calls_is_billed_with_the_reply() -> None:
    outcome = await ran(handy(Bench(planned=())))
    _, reply = outcome.messages
    assert reply.usage.calls == 2
    assert outcome.usage.calls == 2


async def test_a_failed_plan_is_the_failure_of_the_turn() -> None:
    outcome = await ran(handy(Bench(fails=ModelUnavailable("the server is down"))))
    assert (outcome.status, outcome.answer, outcome.detail) == ("failed", None, "the server is down")


async def test_a_plan_that_cannot_be_read_is_paid_for() -> None:
    outcome = await ran(handy(Bench(planned=(), unusable=ReplyError("no JSON"))))
    assert (outcome.status, outcome.detail) == ("failed", "no JSON")
    assert outcome.messages[-1].usage.tokens == 48
    assert (outcome.usage.calls, outcome.usage.tokens) == (1, 48)


async def test_a_plan_whose_calls_find_no_budget_is_paid_for() -> None:
    outcome = await ran(handy(Bench()), limits=Limits(calls=1, when_exhausted="best_so_far"))
    assert outcome.messages[-1].usage.tokens == 48
    assert outcome.usage.tokens == 48


async def test_whatever_planning_and_calling_raise_ends_that_turn_or_call_only() -> None:
    outcome = await ran(handy(Bench(fails=ZeroDivisionError("odd"))))
    assert (outcome.status, outcome.detail) == ("failed", "ann failed in its turn (ZeroDivisionError: odd)")
    outcome = await ran(handy(Bench(planned=(PlannedCall(tool="calc/odd"),))))
    assert outcome.answer == "10"
    assert [call.error for call in calls_of(outcome.messages)] == ["calc/odd failed (KeyError: 'calc/odd')"]


async def test_calls_count_in_the_limit_of_calls() -> None:
    stopped = await ran(handy(Bench()), limits=Limits(calls=2))
    assert (stopped.status, [call.tool for call in calls_of(stopped.messages)]) == ("stopped", ["calc/add"])
    short = await ran(handy(Bench()), limits=Limits(calls=3))
    assert (short.status, len(calls_of(short.messages))) == ("stopped", 2)
    assert (await ran(handy(Bench()), limits=Limits(calls=4))).status == "done"


async def test_planning_is_reserved_before_it_is_asked_for() -> None:
    bench = Bench()
    stopped = await ran(handy(bench), limits=Limits(tokens=149))
    assert stopped.status == "stopped"
    assert bench.plans == 0


async def test_every_round_makes_its_own_calls() -> None:
    bench = Bench(planned=(ADD,))
    ann = handy(bench)
    outcome = await ran(ann, handy(Bench(planned=()), name="bob"), protocol={"debate": {"members": ["ann", "bob"]}})
    ids = [id for _, id in bench.made]
    assert len(set(ids)) == len(ids) == len(calls_of(outcome.messages))


async def test_a_resumed_turn_makes_only_the_calls_that_are_missing(tmp_path: Path) -> None:
    first, second = Bench(hangs="calc/double"), Bench(planned=())
    async with (
        await Database.open(tmp_path / "store.db") as database,
        open_checkpointer(tmp_path / "checkpoints.db") as checkpointer,
    ):
        runs = Runs(database)
        before = Coordinator(network(handy(first)), store=runs, checkpointer=checkpointer)
        run = asyncio.create_task(before.run(TASK, spec("ann"), run="r"))
        await first.hanging.wait()
        run.cancel()
        await asyncio.wait({run})
        await before.close()
        assert [call.tool for call in calls_of(await runs.messages("r"))] == ["calc/add"]
        after = Coordinator(network(handy(second)), store=runs, checkpointer=checkpointer)
        outcome = await after.resume(await runs.record("r"), spec("ann"))
        await after.close()
    assert outcome.answer == "10"
    assert [call.tool for call in calls_of(outcome.messages)] == ["calc/add", "calc/double"]
    assert second.plans == 0
    assert second.made == [first.made[1]], "the call that was under way has the id that it had"


@pytest.mark.parametrize("calls", [0, 1])
async def test_a_run_that_stopped_between_calls_goes_on_with_more(tmp_path: Path, calls: int) -> None:
    bench = Bench()
    async with await Database.open(tmp_path / "store.db") as database:
        runs = Runs(database)
        coordinator = Coordinator(network(handy(bench)), store=runs)
        stopped = await coordinator.run(TASK, spec("ann"), run="r", limits=Limits(calls=2 + calls))
        assert stopped.status == "stopped"
        done = await coordinator.resume(await runs.record("r"), spec("ann"), limits=Limits(calls=10))
        await coordinator.close()
    assert (done.status, done.answer) == ("done", "10")
    assert bench.plans == 1
    assert [tool for tool, _ in bench.made] == ["calc/add", "calc/double"]
