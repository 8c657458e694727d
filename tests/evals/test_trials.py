"""From a run to a trial: who answered the item itself, what it was worth, and whose fault it was."""

from __future__ import annotations

from typing import Any

import pytest

from agentnet.contracts.bodies import Task
from agentnet.contracts.evaluations import Item, Trial
from agentnet.contracts.protocols import ProtocolSpec
from agentnet.coordinator import Coordinator
from agentnet.errors import ModelUnavailable
from agentnet.evals.grading import Grading
from agentnet.evals.sweeps import system
from agentnet.evals.trials import trial_of
from agentnet.models.base import Request
from agentnet.network import Network
from tests.scripted import agent, network, plan, prompts, says, spec, verdict

ITEM = Item(dataset="sums", id="i0", text="What is 3 + 4?", answers=("7",), label="sums", cluster="i0")
EXACT = Grading("exact", "whole", "same")
NUMERIC = Grading("numeric", "last-number", "number", 0.01)
JUDGED = Grading("judged", "whole", "same", judge="eve")


def fails(_: Request) -> str:
    raise ModelUnavailable("the server is down")


async def trial(web: Network, protocol: Any, grading: Grading = EXACT) -> Trial:
    tested: ProtocolSpec = spec(protocol)
    outcome = await Coordinator(web).run(Task(text=ITEM.text), tested)
    made = system("tested", tested.protocol)
    return await trial_of(made, ITEM, 0, "test", outcome, 1.5, grading, web)


async def test_what_each_member_said_is_scored_in_its_order() -> None:
    web = network(agent("ann", says("=> 8", "=> 7")), agent("bob", says("=> 7")))
    found = await trial(web, {"debate": {"members": ["ann", "bob"], "rounds": 2, "stop": "never"}})
    assert [
        (one.agent, one.round, one.answer, one.score) for one in sorted(found.said, key=lambda s: (s.round, s.agent))
    ] == [
        ("ann", 0, "8", 0.0),
        ("bob", 0, "7", 1.0),
        ("ann", 1, "7", 1.0),
        ("bob", 1, "7", 1.0),
    ]
    assert (found.status, found.score, found.messages, found.errors, found.seconds) == ("done", 1.0, 4, 0, 1.5)
    assert found.usage.calls == 4


async def test_the_steps_of_a_plan_are_no_answers_to_the_item() -> None:
    web = network(
        agent("pam", says(plan(("math", "What is 3?"), ("math", "What is #1 + 4?"))), roles=["planner"]),
        agent("ann", says("=> 3", "=> 7"), claims={"math": 1.0}),
    )
    found = await trial(web, {"delegate": {}})
    assert (found.answer, found.score, found.said) == ("7", 1.0, ())
    assert found.messages == 3


async def test_a_failed_turn_is_said_too_and_counts_as_an_error() -> None:
    web = network(agent("ann", fails), agent("bob", says("=> 7")))
    found = await trial(web, {"parallel": {"branches": ["ann", "bob"]}})
    assert [(one.agent, one.answer, one.score) for one in found.said] == [("ann", None, None), ("bob", "7", 1.0)]
    assert (found.status, found.errors) == ("done", 1)


async def test_nobody_to_ask_is_no_wrong_answer() -> None:
    found = await trial(network(agent("ann", fails)), "ann")
    assert (found.status, found.score, found.answer) == ("error", None, None)
    assert "the server is down" in found.detail


async def test_extraction_decides_what_is_scored() -> None:
    web = network(agent("ann", says("So it is => about $7.001 in all")))
    assert (await trial(web, "ann", NUMERIC)).score == 1.0
    assert (await trial(web, "ann")).score == 0.0


@pytest.mark.parametrize(("said", "score"), [("approve", 1.0), ("disapprove", 0.0)])
async def test_a_judge_sees_the_reference_and_the_answer(said: str, score: float) -> None:
    eve = agent("eve", says(verdict(said)), roles=["verifier"])
    found = await trial(network(agent("ann", says("=> seven")), eve), "ann", JUDGED)
    assert (found.status, found.score) == ("done", score)
    assert [one.score for one in found.said] == [None]
    (prompt,) = prompts(eve)
    assert "What is 3 + 4?" in prompt
    assert "Reference answer: 7" in prompt
    assert "seven" in prompt


async def test_a_judge_that_gives_no_verdict_leaves_no_score() -> None:
    eve = agent("eve", says("well"), roles=["verifier"])
    found = await trial(network(agent("ann", says("=> seven")), eve), "ann", JUDGED)
    assert (found.status, found.score) == ("error", None)
    assert found.detail.startswith("the judge: ")
