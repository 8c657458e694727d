"""Counting answers: pools, weights, ties, agreement."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentnet.collab.budget import Budget
from agentnet.collab.context import RunContext
from agentnet.collab.decisions import agreement, decide, majority
from agentnet.collab.state import initial_state
from agentnet.contracts.bodies import Proposal, Result, Task
from agentnet.contracts.limits import Limits
from agentnet.contracts.messages import Message
from tests.scripted import agent, network, says


def said(answer: str, place: int = 0, confidence: float | None = None) -> Message:
    return Message(
        id=f"m{place}",
        run="r",
        sequence=place,
        sender=f"a{place}",
        node="n",
        time=datetime.now(UTC),
        confidence=confidence,
        body=Proposal(answer=answer, text=answer),
    )


answers = st.lists(st.sampled_from(["1", "1.0", "2", "two", "Two."]), min_size=1, max_size=9).map(
    lambda texts: [said(text, place) for place, text in enumerate(texts)]
)


@given(answers)
def test_the_majority_has_the_most_support(messages: list[Message]) -> None:
    found = majority(messages, [1.0] * len(messages), "majority")
    assert sum(found.support.values()) == len(messages)
    assert found.support[found.answer] == max(found.support.values()) == len(found.sources)


@given(answers)
def test_agreement_is_the_share_of_the_majority(messages: list[Message]) -> None:
    found = majority(messages, [1.0] * len(messages), "majority")
    assert agreement(messages, len(messages) + 1) == pytest.approx(len(found.sources) / (len(messages) + 1))


def test_nobody_agrees_with_nobody() -> None:
    assert agreement([], 3) == 0.0


@pytest.mark.parametrize(
    ("rule", "answer"),
    [("confidence", "b"), ("first", "a"), ("majority", "c")],
)
async def test_rules_on_the_same_answers(rule: str, answer: str) -> None:
    messages = [said("a", 0, 0.5), said("b", 1, 0.9), said("c", 2, None), said("C", 3, 0.1)]
    run = RunContext("r", network(agent("ada", says("x"))), 0, Budget(Limits()), messages)
    task = await run.record(Task(text="?"), sender="user", node="task")
    state = initial_state("s", task.id)
    (outcome,) = await decide(rule, [message.id for message in messages], run, state)  # type: ignore[arg-type]
    body = run.messages[outcome].body
    assert isinstance(body, Result)
    assert body.answer == answer
