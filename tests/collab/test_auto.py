"""`auto`: the system that was found best for the kind of task; where nothing was learned, exactly `best`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from agentnet.agents import ModelAgent
from agentnet.analysis import fit
from agentnet.collab.binding import Binder
from agentnet.contracts.bodies import Analysis, Task
from agentnet.contracts.cards import Measured
from agentnet.contracts.policies import Candidate, Choice, Estimate, Policy
from agentnet.contracts.protocols import Auto, Best
from agentnet.coordinator import Coordinator, Outcome
from agentnet.network import Network
from agentnet.policy import Learned, policy_network
from tests.scripted import agent, kinds, network, says, spec

AUTO = spec({"auto": {}})


def measured(items: int = 200, **accuracy: float) -> dict[str, Measured]:
    return {label: Measured(accuracy=share, items=items) for label, share in accuracy.items()}


def web(*more: ModelAgent) -> Network:
    return network(
        agent("ada", says("=> 1"), measured=measured(math=0.9, law=0.5)),
        agent("ben", says("=> 2"), measured=measured(math=0.3, law=0.8)),
        agent("cyd", says("=> 3"), measured=measured(math=0.2, law=0.2)),
        *more,
    )


def policy(of: Network, **changes: Any) -> Policy:
    """One that uses a vote for law, and else ben alone, who is not the best by his card."""
    known: dict[str, Any] = {
        "network": policy_network(of.spec),
        "created": datetime(2026, 1, 1, tzinfo=UTC),
        "candidates": (
            Candidate(name="ben", protocol="ben", member=True),
            Candidate(name="vote", protocol={"parallel": ["ada", "ben", "ben"]}),
            Candidate(name="cyd", protocol="cyd", member=True),
        ),
        "default": "ben",
        "choices": (Choice(label="law", use="vote", instead_of="ben", gain=0.1, gain_low=0.02, items=50),),
        "estimates": (
            Estimate(candidate="ben", label="*", items=100, accuracy=0.7, tokens=9, seconds=1),
            Estimate(candidate="ben", label="art", items=40, accuracy=0.6, tokens=9, seconds=1),
            Estimate(candidate="vote", label="law", items=50, accuracy=0.9, tokens=27, seconds=1),
        ),
    }
    return Policy(**{**known, **changes})


async def asked(of: Network, learned: Policy | None = None, task: Task | None = None, **options: Any) -> Outcome:
    coordinator = Coordinator(of, learned=Learned.of(learned) if learned else None)
    return await coordinator.run(task or Task(text="?", label="law"), options.pop("protocol", AUTO), **options)


def analysis(outcome: Outcome) -> Analysis:
    (found,) = [message.body for message in outcome.messages if isinstance(message.body, Analysis)]
    return found


# nothing learned


@pytest.mark.parametrize("label", ["math", "law", "art", None])
async def test_without_a_policy_it_is_best(label: str | None) -> None:
    task = Task(text="?", label=label)
    auto, best = (
        await asked(web(), task=task, run="r"),
        await asked(web(), task=task, run="r", protocol=spec({"best": {}})),
    )
    assert [message.model_copy(update={"time": None}) for message in auto.messages] == [
        message.model_copy(update={"time": None}) for message in best.messages
    ]
    assert (auto.answer, auto.usage.tokens, auto.usage.calls) == (best.answer, best.usage.tokens, 1)


def test_without_a_policy_it_binds_to_the_same_expression() -> None:
    assert Binder(web().spec).bind(Auto()) == Binder(web().spec).bind(Best())


async def test_its_floor_is_that_of_best() -> None:
    refused = await asked(web(), protocol=spec({"auto": {}}).model_copy(update={"floor": 0.85}))
    assert (refused.status, refused.usage.calls) == ("failed", 0)
    assert "its best agent at law, ben, was right on 80 %" in refused.detail


# a policy


@pytest.mark.parametrize(
    ("label", "use", "why", "calls"),
    [
        ("law", "vote", "+10 points against ben on 50 such tasks", 3),
        ("art", "ben", "right on 60 % of 40, and nothing was better for certain", 1),
        ("physics", "ben", "the best in advance over all kinds of tasks", 1),
        (None, "ben", "the best in advance over all kinds of tasks", 1),
    ],
)
async def test_the_policy_says_what_is_used(label: str | None, use: str, why: str, calls: int) -> None:
    of = web()
    outcome = await asked(of, policy(of), Task(text="?", label=label))
    assert (outcome.status, outcome.answer, outcome.usage.calls) == ("done", "2", calls)
    assert analysis(outcome) == Analysis(text="?", label=label, use=use, why=why)
    assert kinds(outcome.messages)[:2] == ["task", "analysis"]


async def test_a_member_that_left_takes_its_systems_with_it() -> None:
    of = web()
    learned = policy(of)
    rest = network(
        *(member for member in of.agents.values() if isinstance(member, ModelAgent) and member.name != "ada")
    )
    assert analysis(await asked(rest, learned)).use == "ben"
    rest = network(
        *(member for member in of.agents.values() if isinstance(member, ModelAgent) and member.name != "ben")
    )
    outcome = await asked(rest, learned)
    assert outcome.answer == "1"
    assert kinds(outcome.messages) == ["task", "proposal"]


@pytest.mark.parametrize(
    ("accuracy", "items", "answer"),
    [(0.99, 400, "9"), (0.99, 10, "2"), (0.85, 400, "2")],
    ids=["proven", "few", "less"],
)
async def test_a_newcomer_is_used_where_it_is_proven_better(accuracy: float, items: int, answer: str) -> None:
    learned = policy(web())
    joined = web(agent("new", says("=> 9"), measured=measured(items, law=accuracy)))
    outcome = await asked(joined, learned)
    assert outcome.answer == answer
    if answer == "9":
        assert analysis(outcome).use == "new"
        assert analysis(outcome).why.startswith("joined since: proven right on 98 %, vote on 90 %")


async def test_members_that_the_policy_knows_are_no_newcomers() -> None:
    of = network(agent("ben", says("=> 2")), agent("cyd", says("=> 3"), measured=measured(400, law=1.0)))
    learned = policy(of, candidates=(Candidate(name="ben", protocol="ben", member=True),), choices=())
    assert (await asked(of, learned)).answer == "2"


async def test_it_nests_in_other_expressions_and_decides_for_each_step() -> None:
    of = web()
    outcome = await asked(of, policy(of), protocol=spec({"serial": [{"auto": {}}, "cyd"]}))
    assert analysis(outcome).use == "vote"
    assert outcome.answer == "3"


async def test_exploring_keeps_to_its_share_and_is_the_same_each_time() -> None:
    of = web()
    learned = policy(of, explore=0.25)
    tried = [analysis(await asked(of, learned, Task(text=f"{number}?", label="law"))) for number in range(120)]
    again = [analysis(await asked(of, learned, Task(text=f"{number}?", label="law"))) for number in range(30)]
    assert tried[:30] == again
    explored = [found for found in tried if found.why.startswith("tried on a share of 25 %")]
    assert 15 <= len(explored) <= 45  # 30 expected, with a standard deviation of 4.7
    assert {found.use for found in explored} == {"ben", "vote", "cyd"}
    assert {found.use for found in tried if found not in explored} == {"vote"}


async def test_without_exploring_only_what_is_used_is_compiled() -> None:
    of = web()
    bound = Binder(of.spec, policy(of)).bind(Auto())
    assert isinstance(bound, Auto)
    assert [system.name for system in bound.systems] == ["ben", "vote"]


# cases that are written out


WRITTEN = {
    "systems": [{"name": "pair", "protocol": {"parallel": ["cyd", "cyd"]}}, {"name": "one", "protocol": "@solver"}],
    "cases": [{"label": "law", "use": "pair", "why": "they know it"}],
}


async def test_a_protocol_can_write_its_cases_out() -> None:
    of = web()
    written = spec({"auto": WRITTEN})
    assert (await asked(of, protocol=written)).answer == "3"
    assert (await asked(of, policy(of), protocol=written)).answer == "3"
    other = await asked(of, task=Task(text="?", label="math"), protocol=written)
    assert other.answer == "1"
    assert analysis(other).why == "the best by its card: no system was tried on such tasks"
    assert spec(written.model_dump(mode="json")["protocol"]) == written


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cases": [{"use": "pare"}]}, "no system 'pare', did you mean 'pair'"),
        ({"cases": [{"use": "one"}, {"use": "pair"}]}, "two cases are of 'every other task'"),
        ({"systems": [{"name": "one", "protocol": "ada"}] * 2, "cases": []}, "two systems are called 'one'"),
        ({"explore": 2}, "less than or equal to 1"),
        ({"cases": [{"label": "two\nlines", "use": "one"}]}, "label"),
    ],
)
def test_cases_that_make_no_sense_are_refused(change: Mapping[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        spec({"auto": {**WRITTEN, **change}})


# tasks without a label


SUMS = [f"What is {number} + {number % 7}?" for number in range(60)]
RULES = [f"Who is liable for damage number {number}, by rule {number % 7}?" for number in range(60)]


def with_analyzer(of: Network, **changes: Any) -> Policy:
    analyzer = fit([*SUMS, *RULES], ["math"] * 60 + ["law"] * 60)
    return policy(of, analyzer=analyzer.data(), **changes)


async def test_a_task_without_a_label_gets_the_one_that_is_certain() -> None:
    of = web()
    learned = with_analyzer(of)
    outcome = await asked(of, learned, Task(text="Who is liable for damage number 99, by rule 2?"))
    found = analysis(outcome)
    assert (found.label, found.use, found.unknown) == ("law", "vote", False)
    assert found.shares["law"] > 0.9
    unknown = analysis(await asked(of, learned, Task(text="Sing!")))
    assert (unknown.label, unknown.use, unknown.unknown) == (None, "ben", True)


async def test_a_label_that_is_given_wins() -> None:
    of = web()
    found = analysis(await asked(of, with_analyzer(of), Task(text="Who is liable for damage number 9?", label="math")))
    assert (found.label, found.shares) == ("math", {})


async def test_other_protocols_get_the_label_too_and_may_refuse() -> None:
    of = web()
    learned = with_analyzer(of)
    vote = spec({"parallel": ["ada", "ben"]}).model_copy(update={"floor": 0.85})
    outcome = await asked(of, learned, Task(text="Who is liable for damage number 99, by rule 2?"), protocol=vote)
    assert (outcome.status, outcome.usage.calls) == ("failed", 0)
    assert "its best agent at law, ben, was right on 80 %" in outcome.detail
    assert kinds(outcome.messages) == ["task", "analysis"]
    assert analysis(outcome).use == ""
    best = await asked(of, learned, Task(text="What is 5 + 99?"), protocol=spec({"best": {}}))
    assert best.answer == "1"
    given = await asked(of, learned, Task(text="What is 5 + 99?", label="law"), protocol=spec({"best": {}}))
    assert (given.answer, kinds(given.messages)) == ("2", ["task", "proposal"])
