"""Living suites: which network a question meets, and what is known of its members by then."""

from __future__ import annotations

from typing import Any

import pytest

from agentnet.agents import Turn
from agentnet.contracts.bodies import Task, answer_of
from agentnet.contracts.cards import Measured
from agentnet.contracts.evaluations import Item
from agentnet.errors import ModelUnavailable
from agentnet.evals.attack.liars import Knowledge
from agentnet.evals.living import Days, arrivals, lived, schedule
from agentnet.evals.suite import Change, Living
from agentnet.network import Network
from tests.scripted import agent, network, says

TASK = Task(text="c0?", label="math")


def items(count: int) -> list[Item]:
    return [
        Item(dataset="sums", id=f"c{n}", text=f"c{n}?", answers=("7",), label="math", cluster=f"c{n}")
        for n in range(count)
    ]


def team() -> Network:
    measured = {"math": Measured(accuracy=0.9, items=300)}
    return network(*(agent(name, says("=> 7"), measured=measured) for name in ("ann", "bob", "cal")))


async def days(count: int, *changes: dict[str, Any], canaries: int = 200, seed: int = 1) -> Days:
    living = Living(changes=tuple(Change.model_validate(change) for change in changes))
    asked = items(canaries)
    knowledge = Knowledge({item.text: item for item in asked}, {})
    return await lived(
        team(), living, ["ann", "bob", "cal"], asked, count, knowledge, lambda answer, _: answer == "7", seed
    )


async def test_a_member_that_leaves_is_there_no_more_and_may_return() -> None:
    found = await days(10, {"at": 0.3, "leaves": "bob"}, {"at": 0.6, "returns": "bob"})
    there = ["bob" in network.agents for network in found.networks]
    assert there == [True] * 3 + [False] * 3 + [True] * 4
    assert [(known.question, known.standing) for known in found.standings if known.member == "bob"][:3] == [
        (0, "active"), (3, "away"), (6, "active")
    ]  # fmt: skip


async def test_reports_name_the_question_that_meets_a_change() -> None:
    change = {"at": 0.34, "leaves": "bob"}
    living = Living(changes=(Change.model_validate(change),))
    found = await days(10, change)
    assert [question for question, _ in schedule(living, 10)] == [4]
    assert ["bob" in network.agents for network in found.networks].index(False) == 4


async def test_one_that_joins_is_on_probation_until_canaries_have_shown_what_it_can_do() -> None:
    found = await days(600, {"at": 0.1, "joins": "cal"})
    assert "cal" not in found.networks[0].agents
    first = next(network for network in found.networks if "cal" in network.agents)
    assert first.probation == {"cal"}
    assert first["cal"].card.proven("math") is None
    assert found.networks[-1].probation == frozenset()
    assert (found.networks[-1]["cal"].card.proven("math") or 0) > 0.5
    standings = [known for known in found.standings if known.member == "cal"]
    assert [*dict.fromkeys(known.standing for known in standings)] == ["away", "probation", "active"]
    accepted = next(known for known in standings if known.standing == "active")
    assert accepted.canaries <= 30


async def test_one_that_lies_to_canaries_too_is_expelled() -> None:
    found = await days(800, {"at": 0.25, "lies": "bob"})
    early, late = found.networks[0], found.networks[-1]
    assert answer_of((await early["bob"].take(Turn("solve", TASK))).body) == "7"
    assert answer_of((await late["bob"].take(Turn("solve", TASK))).body) != "7"
    assert late.probation == {"bob"}
    last = [known for known in found.standings if known.member == "bob"][-1]
    assert (last.standing, last.proven) == ("expelled", {})


async def test_one_that_fails_cannot_be_asked_and_is_not_called_wrong() -> None:
    found = await days(400, {"at": 0.1, "fails": "bob"}, {"at": 0.9, "recovers": "bob"})
    with pytest.raises(ModelUnavailable, match="bob cannot be reached"):
        await found.networks[200]["bob"].take(Turn("solve", TASK))
    assert {known.standing for known in found.standings if known.member == "bob"} == {"active"}
    assert answer_of((await found.networks[-1]["bob"].take(Turn("solve", TASK))).body) == "7"


async def test_the_same_seed_gives_the_same_days() -> None:
    changes = ({"at": 0.2, "joins": "cal"}, {"at": 0.5, "lies": "bob"})
    one, other = await days(200, *changes), await days(200, *changes)
    assert one.standings == other.standings
    assert (await days(200, *changes, seed=2)).standings != one.standings


def test_questions_of_all_datasets_arrive_mixed() -> None:
    order = arrivals(items(50), 0)
    assert sorted(order) == list(range(50))
    assert order != sorted(order)
    assert order == arrivals(items(50), 0)


@pytest.mark.parametrize(
    "wrong", [{"at": 0.5}, {"at": 0.5, "joins": "ann", "leaves": "bob"}, {"at": 2, "joins": "ann"}]
)
def test_a_change_names_one_member_and_a_time(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"name one member|less than or equal to 1"):
        Change.model_validate(wrong)
