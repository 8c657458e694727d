"""Measuring: one number with everything that is needed to trust it, and nothing that the agent is not to blame for."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from agentnet.agents import Turn
from agentnet.answers import same
from agentnet.contracts.bodies import Body, Proposal, Task
from agentnet.contracts.cards import Card, Measured
from agentnet.contracts.intervals import Interval
from agentnet.errors import ModelUnavailable
from agentnet.models.base import Request
from agentnet.network.measuring import Question, measure, measurement
from tests.scripted import agent, says

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def question(text: str, answer: str) -> Question:
    def is_right(body: Body) -> bool:
        return isinstance(body, Proposal) and same(body.answer, answer)

    return Question(Turn("solve", Task(text=text)), is_right)


QUESTIONS = [question("3 + 4?", "7"), question("2 + 2?", "4"), question("1 + 1?", "2"), question("0 + 1?", "1")]


async def test_a_measurement_says_how_sure_it_is_and_how_it_was_made() -> None:
    began = datetime.now(UTC)
    found = await measure(agent("ann", says("=> 7", "=> 4", "=> 3", "=> 1")), QUESTIONS, suite="four sums", seed=5)
    assert (found.accuracy, found.items, found.suite, found.seed) == (0.75, 4, "four sums", 5)
    assert found.interval == pytest.approx((0.3006, 0.9544), abs=1e-4)  # Wilson, by hand: 3 of 4
    assert found.seconds is not None
    assert found.measured_at is not None
    assert began <= found.measured_at <= datetime.now(UTC)


async def test_a_reply_that_cannot_be_read_is_wrong() -> None:
    found = await measure(agent("ann", says("=> 7", "", "=> 2", "=> 1")), QUESTIONS, suite="four sums")
    assert found.accuracy == 0.75


async def test_a_model_that_cannot_be_asked_is_not_measured() -> None:
    def down(_: Request) -> str:
        raise ModelUnavailable("the server is down")

    with pytest.raises(ModelUnavailable, match="the server is down"):
        await measure(agent("ann", down), QUESTIONS, suite="four sums")


async def test_questions_are_asked_as_many_at_a_time_as_wanted() -> None:
    at_work, most = 0, 0

    async def slow(_: Request) -> str:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0)
        at_work -= 1
        return "=> 7"

    await measure(agent("ann", slow), QUESTIONS, suite="four sums", concurrency=2)
    assert most == 2


def test_the_latency_is_the_median() -> None:
    found = measurement([1.0, 0.0, 1.0], [0.1, 9.0, 0.3], suite="three", seed=None, measured_at=NOW)
    assert found.seconds == 0.3


def test_answers_that_are_not_independent_bring_their_own_interval() -> None:
    given = Interval(0.5, 0.1, 0.9)
    found = measurement([1.0, 0.0], [0.1, 0.1], suite="two", seed=None, measured_at=NOW, interval=given)
    assert found.interval == (0.1, 0.9)


def test_nothing_is_measured_on_no_answer() -> None:
    with pytest.raises(ValueError, match="at least one answer"):
        measurement([], [], suite="none", seed=None, measured_at=NOW)


def test_a_card_with_a_measurement_survives_json_and_an_old_one_is_read() -> None:
    found = measurement([1.0, 0.0], [0.1, 0.2], suite="two", seed=7, measured_at=NOW)
    card = Card(measured={"math": found})
    assert Card.model_validate_json(card.model_dump_json()) == card
    old = Card.model_validate({"measured": {"math": {"accuracy": 0.5, "items": 2, "suite": "two"}}}).measured["math"]
    assert old == Measured(accuracy=0.5, items=2, suite="two")
    assert (old.interval, old.seed, old.seconds, old.measured_at) == (None,) * 4
