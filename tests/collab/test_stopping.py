"""`parallel` with ``stop: decided``: the same answer as if all had been asked, from no more calls than it takes."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentnet.agents import ModelAgent
from agentnet.answers import plurality
from agentnet.collab.tally import NEW, Tally
from agentnet.contracts.bodies import Result, Task
from agentnet.contracts.cards import Measured
from agentnet.coordinator import Coordinator, Outcome
from agentnet.errors import ModelUnavailable, ProtocolError
from agentnet.models.base import Completion, Request
from agentnet.models.scripted import ScriptedModel
from tests.scripted import Script, agent, network, requests, says, spec, verdict

TASK = Task(text="?", label="math")
REPLIES = ("1", "2", "3", None)
"""None: the member fails."""


def fails(_: Request) -> str:
    raise ModelUnavailable("the server is down")


def script(reply: str | None) -> Script:
    return fails if reply is None else says(f"=> {reply}")


class Sure(ScriptedModel):
    """A model that is as sure of its reply as it is told to be."""

    def __init__(self, reply: Script, probability: float) -> None:
        super().__init__(reply)
        self._logprob = math.log(probability)

    async def generate(self, request: Request) -> Completion:
        made = await super().generate(request)
        return Completion(made.text, made.finish, made.usage, (self._logprob,))


def voters(replies: list[str | None], weights: list[float | None]) -> list[ModelAgent]:
    """Members whose cards prove about these weights (None: nothing was measured), and which are that sure."""
    made: list[ModelAgent] = []
    for number, (reply, weight) in enumerate(zip(replies, weights, strict=False)):
        card = None if weight is None else {"math": Measured(accuracy=weight, items=10_000)}
        plain = agent(f"a{number}", script(reply), measured=card)
        made.append(ModelAgent(plain.name, Sure(script(reply), weight or 0.5), plain.card, plain.pack, plain.sampling))
    return made


async def vote(members: list[ModelAgent], **options: Any) -> Outcome:
    protocol = {"parallel": {"branches": [member.name for member in members], **options}}
    return await Coordinator(network(*members)).run(TASK, spec(protocol))


def decision(outcome: Outcome) -> str:
    body = outcome.messages[-1].body
    assert isinstance(body, Result)
    return body.decision


def asked(members: list[ModelAgent]) -> list[int]:
    return [len(requests(member)) for member in members]


# the open vote


def tallies(least: int, most: int) -> st.SearchStrategy[Tally]:
    """Open votes with few different weights, so that ties are frequent."""
    weight = st.sampled_from([0.1, 0.2, 0.3, 0.5, 1.0])

    @st.composite
    def made(draw: st.DrawFn) -> Tally:
        answers = draw(st.lists(st.sampled_from("abc"), max_size=5))
        weights = draw(st.lists(weight, min_size=len(answers), max_size=len(answers)))
        left = draw(st.lists(weight, min_size=least, max_size=most))
        return Tally(tuple(answers), tuple(weights), tuple(left), draw(st.integers(1, 4)))

    return made()


def winners(tally: Tally) -> set[str | None]:
    """Every winner that some answers or failures of the members that are left lead to; None is no decision at all."""
    found: set[str | None] = set()
    for rest in product([*dict.fromkeys(tally.answers), NEW, None], repeat=len(tally.left)):
        said = [(each, weight) for each, weight in zip(rest, tally.left, strict=True) if each is not None]
        answers = [*tally.answers, *(each for each, _ in said)]
        if len(answers) < tally.quorum or not answers:
            found.add(None)
            continue
        equal, _ = plurality(answers, [*tally.weights, *(weight for _, weight in said)])
        found.add(answers[equal[0]])
    return found


@settings(deadline=None, max_examples=400)
@given(tallies(0, 4))
def test_a_vote_is_decided_exactly_when_no_answer_could_change_it(tally: Tally) -> None:
    outcomes = winners(tally)
    assert tally.decided() == (len(outcomes) == 1 and None not in outcomes)


@settings(deadline=None, max_examples=200)
@given(tallies(1, 4))
def test_no_more_are_asked_at_once_than_asking_one_by_one_would_ask(tally: Tally) -> None:
    needed = tally.needed()
    assert 1 <= needed <= len(tally.left)
    if tally.decided():
        return
    for few in range(1, needed):
        for said in product([*dict.fromkeys(tally.answers), NEW], repeat=few):
            after = Tally((*tally.answers, *said), (*tally.weights, *tally.left[:few]), tally.left[few:], tally.quorum)
            assert not after.decided()


# votes of members


@settings(deadline=None, max_examples=150)
@given(
    replies=st.lists(st.sampled_from(REPLIES), min_size=1, max_size=6),
    weights=st.lists(st.sampled_from([None, 0.2, 0.5, 0.9]), min_size=6, max_size=6),
    decide=st.sampled_from(["majority", "weighted", {"weighted": {"by": "confidence"}}, "first"]),
    quorum_of=st.sampled_from(["members", "answered"]),
)
async def test_the_answer_is_the_same_and_costs_no_more(
    replies: list[str | None], weights: list[float | None], decide: Any, quorum_of: str
) -> None:
    everyone, some = voters(replies, weights), voters(replies, weights)
    full = await vote(everyone, decide=decide, quorum_of=quorum_of)
    short = await vote(some, decide=decide, quorum_of=quorum_of, stop="decided")
    assert (short.status, short.answer, short.detail) == (full.status, full.answer, full.detail)
    assert short.usage.calls <= full.usage.calls
    both = zip(everyone, some, strict=True)
    assert all(requests(one) == requests(other) for one, other in both if requests(other))


@settings(deadline=None, max_examples=100)
@given(
    replies=st.lists(st.sampled_from(REPLIES), min_size=1, max_size=5),
    probation=st.sets(st.sampled_from(["a0", "a1", "a2", "a3", "a4"])),
    decide=st.sampled_from(["majority", "weighted", "first"]),
)
async def test_members_on_probation_are_asked_only_where_nobody_else_answers(
    replies: list[str | None], probation: set[str], decide: str
) -> None:
    everyone, some = (voters(replies, [0.5, 0.9, None, 0.2, 0.5]) for _ in range(2))
    protocol = {"parallel": {"branches": [member.name for member in everyone], "decide": decide}}
    full = await Coordinator(network(*everyone).with_probation(probation)).run(TASK, spec(protocol))
    protocol["parallel"]["stop"] = "decided"
    short = await Coordinator(network(*some).with_probation(probation)).run(TASK, spec(protocol))
    assert (short.status, short.answer) == (full.status, full.answer)
    if any(reply and f"a{place}" not in probation for place, reply in enumerate(replies)):
        assert not any(requests(member) for member in some if member.name in probation)


async def test_three_of_five_that_agree_are_enough() -> None:
    members = voters(["7", "7", "7", "8", "9"], [None] * 5)
    outcome = await vote(members, stop="decided")
    assert (outcome.answer, asked(members)) == ("7", [1, 1, 1, 0, 0])
    assert decision(outcome) == "majority, decided by 3 of 5"


async def test_where_members_differ_only_those_that_can_settle_it_are_asked() -> None:
    members = voters(["7", "8", "7", "7", "9"], [None] * 5)
    assert (await vote(members, stop="decided")).answer == "7"
    assert asked(members) == [1, 1, 1, 1, 0]
    split = voters(["7", "8", "9", "8", "7"], [None] * 5)
    assert (await vote(split, stop="decided")).answer == "7"
    assert asked(split) == [1, 1, 1, 1, 1]


async def test_a_weighty_member_settles_a_weighted_vote_with_the_quorum() -> None:
    members = voters(["7", "8", "8", "8"], [0.9, 0.2, 0.2, 0.2])
    outcome = await vote(members, decide="weighted", stop="decided")
    assert (outcome.answer, asked(members)) == ("7", [1, 1, 0, 0])
    alone = voters(["7", "8", "8", "8"], [0.9, 0.2, 0.2, 0.2])
    assert (await vote(alone, decide="weighted", stop="decided", quorum_of="answered")).answer == "7"
    assert asked(alone) == [1, 0, 0, 0]


async def test_a_failure_does_not_change_what_the_others_weigh() -> None:
    """A member that was not measured weighs as little as the least that was measured, also if that one fails."""
    members = voters(["7", "8", None], [None, 0.9, 0.2])
    assert (await vote(members, decide="weighted")).answer == "8"
    support = (await vote(voters(["7", "8", None], [None, 0.9, 0.2]), decide="weighted")).messages[-1].body
    assert isinstance(support, Result)
    assert support.support["7"] == pytest.approx(0.2, abs=0.02)


async def test_answers_that_no_verifier_approved_do_not_end_a_vote() -> None:
    """Approved answers come later in the list: the majority is approved, as it is if all are asked."""
    eve = agent("eve", says(verdict("disapprove"), verdict("disapprove"), verdict("approve")), roles=["verifier"])
    members = voters(["7", "7", "7"], [None] * 3)
    checked = [{"verify": {"proposer": member.name, "verifier": "eve", "retries": 0}} for member in members]
    web = network(*members, eve)
    outcome = await Coordinator(web).run(TASK, spec({"parallel": {"branches": checked, "stop": "decided"}}))
    assert (outcome.answer, asked(members)) == ("7", [1, 1, 1])
    body = outcome.messages[-1].body
    assert isinstance(body, Result)
    assert body.approved


@pytest.mark.parametrize("decide", ["all", "confidence", "judge", "synthesize"])
async def test_rules_that_count_nothing_cannot_stop(decide: str) -> None:
    with pytest.raises(ValueError, match="needs a rule that counts answers: majority, weighted or first"):
        spec({"parallel": {"branches": ["a0"], "decide": decide, "stop": "decided"}})


async def test_a_branch_with_several_answers_cannot_be_counted() -> None:
    inner = {"parallel": {"branches": ["a0", "a1"], "decide": "all"}}
    protocol = spec({"parallel": {"branches": [inner, "a0"], "stop": "decided"}})
    with pytest.raises(ProtocolError, match=r"parallel\.branches\[0\]: must give one answer"):
        await Coordinator(network(*voters(["1", "2"], [None] * 2))).run(TASK, protocol)
