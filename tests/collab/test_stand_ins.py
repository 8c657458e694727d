"""Hot switch: another member takes the turn of one that cannot be asked, and the log shows both."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agentnet.agents import ModelAgent
from agentnet.collab.inline import protocol_of
from agentnet.contracts.bodies import Error, Task, answer_of
from agentnet.contracts.cards import Measured
from agentnet.contracts.messages import Message
from agentnet.contracts.nodes import NodeSpec
from agentnet.coordinator import Coordinator, Outcome
from agentnet.errors import BadResponse, ModelError, ModelUnavailable, RateLimited
from agentnet.models.base import Request
from agentnet.network import Network
from agentnet.store import Database, Runs, open_checkpointer
from tests.scripted import agent, from_the_prompt, network, requests, says, spec, verdict

TASK = Task(text="What is 17 × 23?", label="math")
BEST = {"best": {"among": ["@solver"]}}


def proven(accuracy: float, label: str = "math") -> dict[str, Measured]:
    return {label: Measured(accuracy=accuracy, items=200)}


def gone(_: Request) -> str:
    raise ModelUnavailable("it cannot be reached")


async def run(protocol: Any, *members: ModelAgent) -> Outcome:
    return await Coordinator(network(*members)).run(TASK, spec(protocol))


def of(outcome: Outcome, sender: str) -> list[Message]:
    return [message for message in outcome.messages if message.sender == sender]


@pytest.mark.parametrize("protocol", [BEST, "@best", {"parallel": {"branches": ["@solver:1"]}}, {"ask": "@solver"}])
async def test_the_next_best_of_the_selector_takes_the_turn(protocol: Any) -> None:
    ada, ben, cyd = (
        agent("ada", gone, measured=proven(0.9)),
        agent("ben", says("=> 1"), measured=proven(0.5)),
        agent("cyd", says("=> 391"), measured=proven(0.8)),
    )
    outcome = await run(protocol, ada, ben, cyd)
    assert outcome.answer == "391"
    (failed,), (instead,) = of(outcome, "ada"), of(outcome, "cyd")
    assert isinstance(failed.body, Error)
    assert failed.usage.calls == 0
    assert instead.instead_of == failed.id
    assert (instead.node, instead.round) == (failed.node, failed.round)
    assert outcome.usage.calls == 1
    assert not requests(ben)


@pytest.mark.parametrize("error", [ModelUnavailable, RateLimited, BadResponse])
async def test_it_goes_on_until_one_answers(error: type[ModelError]) -> None:
    def fails(_: Request) -> str:
        raise error("no")

    names = ["ada", "ben", "cyd", "dan"]
    members = [agent(name, fails, measured=proven(0.9 - place / 10)) for place, name in enumerate(names)]
    outcome = await run(BEST, *members, agent("eve", says("=> 391")))
    assert outcome.answer == "391"
    assert [message.sender for message in outcome.messages if isinstance(message.body, Error)] == names


async def test_the_last_error_stands_where_nobody_is_left() -> None:
    outcome = await run(BEST, agent("ada", gone), agent("ben", gone))
    assert outcome.status == "failed"
    assert outcome.detail == "it cannot be reached"
    assert [message.sender for message in outcome.messages] == ["user", "ada", "ben"]


async def test_a_member_whose_nodes_are_all_away_is_asked_again_where_nobody_else_is_left() -> None:
    def away_at_first(request: Request) -> str:
        if len(requests(ben)) < 3:
            raise ModelUnavailable("no node serves ben now")
        return "=> 391"

    ada, ben = agent("ada", gone, measured=proven(0.9)), agent("ben", away_at_first)
    members = network(ada, ben)
    on_nodes = tuple(
        member.model_copy(update={"model": NodeSpec(member=member.name, digest="d")}) for member in members.spec.agents
    )
    members = Network(members.spec.model_copy(update={"agents": on_nodes}), members)
    outcome = await Coordinator(members).run(TASK, spec(BEST))
    assert outcome.answer == "391"
    assert [len(requests(member)) for member in (ada, ben)] == [1, 3]
    assert [message.sender for message in outcome.messages] == ["user", "ada", "ben"]


async def test_a_reply_that_is_wrong_in_itself_switches_nothing() -> None:
    def fails(_: Request) -> str:
        raise ModelError("the model is broken")

    ben = agent("ben", says("=> 391"))
    outcome = await run(BEST, agent("ada", fails, measured=proven(0.9)), ben)
    assert outcome.status == "failed"
    assert not requests(ben)


async def test_a_member_that_is_only_named_is_not_replaced() -> None:
    ben = agent("ben", says("=> 391"))
    outcome = await run("ada", agent("ada", gone), ben)
    assert outcome.status == "failed"
    assert not requests(ben)


async def test_members_that_take_part_stand_in_for_no_other() -> None:
    members = agent("ada", gone), agent("ben", says("=> 391")), agent("cyd", says("=> 391"))
    outcome = await run({"parallel": {"branches": ["@solver"], "decide": "majority"}}, *members)
    assert outcome.answer == "391"
    assert [len(requests(member)) for member in members] == [1, 1, 1]


async def test_two_that_fail_at_once_get_different_stand_ins() -> None:
    members = [agent(name, gone) for name in ("ada", "ben")] + [agent(name, says("=> 391")) for name in ("cyd", "dan")]
    outcome = await run({"parallel": {"branches": ["@solver:2"], "decide": "majority"}}, *members)
    assert outcome.answer == "391"
    assert {message.sender for message in outcome.messages if message.instead_of} == {"cyd", "dan"}


async def test_one_member_asked_several_times_has_one_stand_in() -> None:
    members = agent("ada", gone, measured=proven(0.9)), agent("ben", says("=> 391")), agent("cyd", says("=> 391"))
    outcome = await run({"parallel": {"branches": ["@best"], "times": 3, "decide": "majority"}}, *members)
    assert outcome.answer == "391"
    assert [len(requests(member)) for member in members] == [3, 3, 0]


async def test_a_stand_in_stays_for_the_rounds_after() -> None:
    members = agent("ada", gone), agent("ben", says("=> 1")), agent("cyd", says("=> 2"))
    outcome = await run({"debate": {"members": ["@solver:2"], "rounds": 3, "stop": "never"}}, *members)
    assert len(of(outcome, "ada")) == 1
    assert [message.round for message in of(outcome, "cyd")] == [0, 1, 2]
    assert [message.instead_of is not None for message in of(outcome, "cyd")] == [True, False, False]


async def test_who_decides_for_all_is_replaced_by_one_that_was_measured_at_it() -> None:
    outcome = await run(
        {"verify": {"proposer": "sol", "verifier": "@verifier", "retries": 0}},
        agent("sol", says("=> 391")),
        agent("ver", gone, roles=["verifier"], measured=proven(0.9, "verify")),
        agent("unknown", says(verdict("disapprove")), roles=["verifier"]),
        agent("known", says(verdict("approve")), roles=["verifier"], measured=proven(0.7, "verify")),
    )
    assert outcome.approved is True
    assert len(of(outcome, "known")) == 1


async def test_a_resumed_run_knows_the_selectors_of_a_protocol_that_was_written_in_place(tmp_path: Path) -> None:
    async def stuck(_: Request) -> str:
        waiting.set()
        await asyncio.Event().wait()
        return ""

    waiting = asyncio.Event()
    measured = proven(0.9)
    async with (
        await Database.open(tmp_path / "store.db") as database,
        open_checkpointer(tmp_path / "checkpoints.db") as checkpointer,
    ):
        runs = Runs(database)
        before = network(agent("ada", stuck, measured=measured), agent("ben", says("=> 391")))
        coordinator = Coordinator(before, store=runs, checkpointer=checkpointer)
        work = asyncio.create_task(coordinator.run(TASK, spec(BEST), run="left"))
        await waiting.wait()
        await coordinator.cancel("left")
        await work
        after = network(agent("ada", gone, measured=measured), agent("ben", says("=> 391")))
        coordinator = Coordinator(after, store=runs, checkpointer=checkpointer)
        record = await runs.record("left")
        outcome = await coordinator.resume(record, protocol_of(record))
    assert outcome.answer == "391"
    assert [message.sender for message in outcome.messages] == ["user", "ada", "ben"]


async def test_a_run_that_is_resumed_finds_its_stand_ins(tmp_path: Path) -> None:
    """Whatever moment it is left at, nobody is asked twice for one turn, and the messages are the same."""
    waiting, go = asyncio.Event(), asyncio.Event()
    later = False

    async def slow(request: Request) -> str:
        if later and not go.is_set():
            waiting.set()
            await go.wait()
        return from_the_prompt(request)

    async def says_once(request: Request) -> str:
        nonlocal later
        later = True
        return from_the_prompt(request)

    ada, ben, cyd = agent("ada", gone), agent("ben", says_once), agent("cyd", slow)
    protocol = spec({"debate": {"members": ["@solver:2"], "rounds": 3, "stop": "never"}})
    async with (
        await Database.open(tmp_path / "store.db") as database,
        open_checkpointer(tmp_path / "checkpoints.db") as checkpointer,
    ):
        runs = Runs(database)
        coordinator = Coordinator(network(ada, ben, cyd), store=runs, checkpointer=checkpointer)
        work = asyncio.create_task(coordinator.run(TASK, protocol, run="left"))
        await waiting.wait()
        await coordinator.cancel("left")
        await work
        go.set()
        outcome = await coordinator.resume(await runs.record("left"), protocol)
    assert outcome.status == "done"
    whole = await Coordinator(
        network(agent("ada", gone), agent("ben", from_the_prompt), agent("cyd", from_the_prompt))
    ).run(TASK, protocol, run="left")
    answers = {message.id: answer_of(message.body) for message in outcome.messages}
    assert answers == {message.id: answer_of(message.body) for message in whole.messages}
    assert len(of(outcome, "ada")) == 1
