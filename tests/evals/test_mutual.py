"""Members that grade each other's answers: what is asked, stored and left out, and what `route` makes of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from agentnet.agents import ModelAgent
from agentnet.agents.forms import closed_replies, schema_for
from agentnet.contracts.grades import LETTERS, VERDICTS
from agentnet.contracts.protocols import Route
from agentnet.errors import BadInput, ModelUnavailable
from agentnet.evals.mutual import grade, graders, grades_of, scale_of
from agentnet.evals.suite import MutualGrades, Sweep
from agentnet.evals.sweeps import swept
from agentnet.models.base import Request
from tests.evals.made import items, trial
from tests.scripted import agent, network, prompts, requests, says, verdict, weighs


def graded(letter: str, reason: str = "") -> str:
    return json.dumps({"reason": reason, "grade": letter})


def fails(_: Request) -> str:
    raise ModelUnavailable("the server is down")


def judge(script: Any, **options: Any) -> ModelAgent:
    return agent("ann", script, pack="instruct", **options)


async def one_grade(ann: ModelAgent, scale: tuple[str, ...] = LETTERS, **options: Any) -> Any:
    web = network(ann, agent("bob", says("=> 1"), pack=ann.pack.name))
    grader = next(each for each in graders(["ann", "bob"]) if each.facts["judge"] == "ann")
    answer = trial("bob", answer="7", reply="well\nAnswer: 7")
    settings = {"scored": False, "seed": 0, **options}
    return await grade(grader, items(1)[0], answer, web, scale, **settings)


@pytest.mark.parametrize(("letter", "score"), [("A", 1.0), ("B", 0.5), ("C", 0.0)])
async def test_a_grade_counts_by_its_place_on_the_scale(letter: str, score: float) -> None:
    ann = judge(says(graded(letter)))
    made = await one_grade(ann)
    assert (made.answer, made.score, made.status) == (letter, score, "done")
    assert (made.system, made.split) == ("ann grades bob", "calibration")
    assert "A| well" in prompts(ann)[0]
    assert requests(ann)[0].schema == schema_for("grade", scale=LETTERS)


@pytest.mark.parametrize("reply", ["no JSON", graded("D"), '{"grade": 1}', '{"reason": "so"}'])
async def test_a_grade_that_does_not_parse_is_missing(reply: str) -> None:
    made = await one_grade(judge(says(reply)))
    assert (made.answer, made.score, made.status) == (None, None, "failed")
    assert made.usage.calls == 1


async def test_a_judge_that_cannot_be_asked_is_asked_again_later() -> None:
    assert (await one_grade(judge(fails))).status == "error"


async def test_verdicts_are_a_scale_of_two() -> None:
    made = await one_grade(agent("ann", says(verdict("approve"))), VERDICTS)
    assert (made.answer, made.score) == ("approve", 1.0)


async def test_grades_can_be_scored_and_the_lowest_of_equal_ones_counts() -> None:
    assert (await one_grade(judge(says(""), scores=weighs(A=0.2, B=0.5, C=0.3)), scored=True)).answer == "B"
    assert (await one_grade(judge(says(""), scores=weighs(A=0.4, B=0.2, C=0.4)), scored=True)).answer == "C"
    assert closed_replies("grade", scale="AB") == ('{"grade":"B"}', '{"grade":"A"}')


def test_the_scale_is_what_all_prompts_know() -> None:
    knows, knows_not = agent("ann", says("1"), pack="instruct"), agent("bob", says("1"))
    web = network(knows, knows_not)
    assert scale_of(MutualGrades(), web, ["ann"]) == LETTERS
    assert scale_of(MutualGrades(), web, ["ann", "bob"]) == VERDICTS
    assert scale_of(MutualGrades(scale=("good", "bad")), web, ["ann"]) == ("good", "bad")
    with pytest.raises(BadInput, match="bob cannot grade by good, bad: its prompt pack has no template `grade`"):
        scale_of(MutualGrades(scale=("good", "bad")), web, ["ann", "bob"])


def test_means_leave_out_what_is_missing() -> None:
    made = [
        trial("ann grades bob", "i0", score=1.0),
        trial("ann grades bob", "i1", score=0.5),
        trial("ann grades bob", "i2", score=None, status="failed"),
        trial("bob grades ann", "i0", score=None, status="failed"),
    ]
    found = grades_of(made, ["ann", "bob"], LETTERS, suite="s", seed=1, graded_at=datetime.now(UTC))
    assert found.means == {"ann": {"bob": 2.5}}
    assert (found.given["ann"]["bob"].items, found.given["ann"]["bob"].missing) == (2, 1)


def test_the_sweep_has_both_sets_of_judges_and_both_ends() -> None:
    made = swept(Sweep(sweep="hops", hops=(1, 3)), ["ann", "bob"])
    routes = [each.protocol.protocol for each in made]
    assert all(isinstance(route, Route) for route in routes)
    assert [(route.hops, route.choose, route.stop) for route in routes if isinstance(route, Route)] == [
        (1, "c", "approved"), (3, "c", "approved"), (1, "c-prime", "approved"), (3, "c-prime", "approved"),
        (1, "c", "never"), (3, "c", "never"),
    ]  # fmt: skip
