"""Canaries among the items of an attack."""

from __future__ import annotations

from agentnet.answers import same
from agentnet.contracts.cards import Measured
from agentnet.contracts.evaluations import Item
from agentnet.evals.attack.canaries import watched
from agentnet.evals.suite import SuiteSpec
from agentnet.models.base import Request
from tests.scripted import agent, network

PROVEN = {"math": Measured(accuracy=0.9, items=100)}
CANARIES = [
    Item(
        dataset="sums", id=str(number), text=f"{number} + 0?", answers=(str(number),), label="math", cluster=str(number)
    )
    for number in range(100, 200)
]


def honest(request: Request) -> str:
    return f"=> {request.messages[-1]['content'].split()[0]}"


def is_right(answer: str, item: Item) -> bool:
    return same(answer, item.answers[0])


async def test_a_liar_is_on_probation_after_some_items_and_honest_members_never() -> None:
    members = network(agent("ann", honest, measured=PROVEN), agent("bob", lambda _: "=> 0", measured=PROVEN))
    found = await watched(members, ["ann", "bob"], CANARIES, 400, is_right, seed=1)
    assert len(found) == 400
    assert found[0] is members
    assert found[-1].probation == {"bob"}
    assert next(place for place, now in enumerate(found) if now.probation) < 200
    assert (found[-1]["ann"].card.proven("math") or 0) >= (members["ann"].card.proven("math") or 0)
    assert len({id(now) for now in found}) < 20
    again = await watched(members, ["ann", "bob"], CANARIES, 400, is_right, seed=1)
    assert [now.probation for now in again] == [now.probation for now in found]


async def test_no_member_is_asked_more_canaries_than_there_are() -> None:
    members = network(agent("ann", honest))
    found = await watched(members, ["ann"], CANARIES[:3], 300, is_right, seed=2)
    assert found[-1]["ann"].card.measured["math"].items == 3


def test_a_suite_says_how_many() -> None:
    data = {"name": "x", "summary": "x", "datasets": [{"from": "zoo", "family": "math", "items": 5}]}
    suite = SuiteSpec.model_validate({**data, "attacks": {"canaries": 40}})
    assert suite.attacks is not None
    assert (suite.attacks.canaries, SuiteSpec.model_validate({**data, "attacks": {}}).attacks.canaries) == (40, 0)  # type: ignore[union-attr]
