"""Members on probation: they may be asked, and their answers weigh nothing until they have proven themselves."""

from __future__ import annotations

from typing import Any

import pytest

from agentnet.collab.binding import Binder
from agentnet.contracts.bodies import Task
from agentnet.contracts.cards import Card, Measured
from agentnet.coordinator import Coordinator, Outcome
from agentnet.errors import ModelUnavailable
from agentnet.models.base import Request
from agentnet.network import Network
from tests.scripted import agent, network, requests, says, spec

TASK = Task(text="What is 17 × 23?", label="math")


def fails(_: Request) -> str:
    raise ModelUnavailable("the server is down")


def team(*replies: str, probation: tuple[str, ...] = ()) -> Network:
    names = ("ann", "bob", "cal", "dan", "eve")
    members = [agent(name, says(f"=> {reply}")) for name, reply in zip(names, replies, strict=False)]
    return network(*members).with_probation(probation)


async def run(members: Network, protocol: Any) -> Outcome:
    return await Coordinator(members).run(TASK, spec(protocol))


def bound(members: Network, protocol: Any) -> Any:
    return Binder(members.spec, probation=members.probation).bind(spec(protocol).protocol)


def test_selectors_of_roles_pass_over_them() -> None:
    members = team("1", "2", "3", probation=("ann", "cal"))
    assert [branch.agent for branch in bound(members, {"parallel": {"branches": ["@solver"]}}).branches] == ["bob"]
    assert bound(members, {"ask": {"agent": "@solver"}}).agent == "bob"
    assert bound(members, {"ask": {"agent": "ann"}}).agent == "ann"


def test_one_that_is_alone_is_selected() -> None:
    members = team("1", "2", probation=("ann", "bob"))
    assert [branch.agent for branch in bound(members, {"parallel": {"branches": ["@all:1"]}}).branches] == ["ann"]


async def test_the_best_is_no_newcomer() -> None:
    proud = agent("ann", says("=> 1"), measured={"math": Measured(accuracy=0.9, items=50)})
    humble = agent("bob", says("=> 2"), measured={"math": Measured(accuracy=0.4, items=50)})
    members = network(proud, humble).with_probation(["ann"])
    assert (await run(members, {"ask": {"agent": "@best"}})).answer == "2"
    assert members.with_probation(["bob"]).best(members.agents, "math") == "ann"


@pytest.mark.parametrize("rule", ["majority", "weighted", "first", "confidence"])
async def test_their_answers_weigh_nothing(rule: str) -> None:
    members = team("7", "7", "391", probation=("ann", "bob"))
    outcome = await run(members, {"parallel": {"branches": ["ann", "bob", "cal"], "decide": rule}})
    assert outcome.answer == "391"
    assert outcome.usage.calls == 3


async def test_where_nobody_else_answers_they_decide() -> None:
    silent = agent("cal", fails)
    members = network(agent("ann", says("=> 7")), agent("bob", says("=> 7")), silent).with_probation(["ann", "bob"])
    outcome = await run(members, {"parallel": {"branches": ["ann", "bob", "cal"]}})
    assert outcome.answer == "7"


async def test_a_part_that_rests_on_others_too_counts() -> None:
    members = team("7", "7", "391", probation=("ann",))
    part = {"parallel": {"branches": ["ann", "bob"]}}
    assert (await run(members, {"parallel": {"branches": [part, "cal"]}})).answer == "7"


async def test_their_agreement_ends_no_cascade_and_no_debate() -> None:
    members = team("7", "7", "391", "391", probation=("ann", "bob"))
    outcome = await run(members, {"cascade": {"steps": ["ann", "bob", "cal", "dan"]}})
    assert outcome.answer == "391"
    debated = await run(members, {"debate": {"members": ["ann", "bob", "cal", "dan"], "rounds": 3, "quorum": 0.6}})
    assert (debated.answer, debated.usage.calls) == ("391", 4)


async def test_an_agreement_of_members_that_are_proven_wrong_ends_no_cascade() -> None:
    known = {"ann": 0.0, "bob": 0.0, "cal": 0.9, "dan": 0.8}
    replies = {"ann": "7", "bob": "7", "cal": "391", "dan": "391"}
    members = network(
        *(
            agent(name, says(f"=> {replies[name]}"), measured={"math": Measured(accuracy=share, items=100)})
            for name, share in known.items()
        )
    )
    outcome = await run(members, {"cascade": {"steps": list(known)}})
    assert (outcome.answer, outcome.messages[-1].body.decision) == ("391", "agreement of 2")  # type: ignore[union-attr]
    torn = await run(members, {"cascade": {"steps": ["ann", "bob", "cal"]}})
    assert torn.answer == "391"


def test_preflight_says_that_a_member_on_probation_is_asked_in_vain() -> None:
    members = team("1", "2", probation=("ann",))
    notes = Coordinator(members).prepare(spec({"parallel": {"branches": ["ann", "bob"]}})).notes
    assert any("ann is on probation" in note for note in notes)


def test_probation_stays_when_cards_and_agents_change() -> None:
    members = team("1", "2", probation=("ann", "nobody"))
    assert members.probation == {"ann"}
    assert members.with_cards({"bob": Card()}).probation == {"ann"}
    assert members.with_agents({"bob": members["bob"]}).probation == {"ann"}
    assert len(requests(members["ann"])) == 0
