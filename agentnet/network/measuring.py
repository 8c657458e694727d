"""Measuring a member's capability: the source of all numbers on cards.

`measure` asks an agent questions with known answers. `measurement` turns graded answers of any source into a
`Measured`: an evaluation measures its members with the trials that it keeps anyway.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import fmean, median

from agentnet.agents import Agent, Turn
from agentnet.contracts.bodies import Body, Error
from agentnet.contracts.cards import Measured
from agentnet.contracts.intervals import Interval, wilson
from agentnet.errors import AgentNetError, ReplyError

NOT_ITS_FAULT = frozenset({"model", "model-file", "unavailable", "rate-limited", "bad-response", "not-recorded"})
"""Codes of errors that say nothing about an agent's capability: its model could not be asked."""


@dataclass(frozen=True, slots=True)
class Question:
    """A turn, and a function that grades the body of its reply."""

    turn: Turn
    is_right: Callable[[Body], bool]


async def measure(
    agent: Agent, questions: Sequence[Question], *, suite: str, seed: int | None = None, concurrency: int = 1
) -> Measured:
    """Ask an agent every question once, `concurrency` of them at a time, and return its share of right replies.

    `suite` and `seed` identify the questions precisely enough to ask them again. A reply that cannot be read is wrong.
    The median latency holds for the given concurrency. Raises `AgentNetError` if the model cannot be asked, and
    `ValueError` without questions.
    """
    began = datetime.now(UTC)
    slots = asyncio.Semaphore(concurrency)
    scores: list[float] = []
    seconds: list[float] = []

    async def ask(question: Question) -> None:
        async with slots:
            started = time.perf_counter()
            right = await _is_right(agent, question)
            seconds.append(time.perf_counter() - started)
            scores.append(float(right))

    try:
        async with asyncio.TaskGroup() as group:
            for question in questions:
                group.create_task(ask(question))
    except ExceptionGroup as several:
        raise several.exceptions[0] from several
    return measurement(scores, seconds, suite=suite, seed=seed, measured_at=began)


def measurement(
    scores: Sequence[float],
    seconds: Sequence[float],
    *,
    suite: str,
    seed: int | None,
    measured_at: datetime,
    interval: Interval | None = None,
) -> Measured:
    """Return an agent's measured capability by graded answers.

    `scores` are from 0 to 1, `seconds` run from question to answer. Shape of both: [answers]. `interval` is that of the
    mean score; by default it is Wilson's, which assumes independent answers. Raises `ValueError` without answers.
    """
    if not scores or len(scores) != len(seconds):
        raise ValueError("a measurement needs at least one answer, and the seconds of each")
    accuracy = fmean(scores)
    interval = interval or wilson(accuracy, len(scores))
    return Measured(
        accuracy=accuracy,
        items=len(scores),
        suite=suite,
        interval=(interval.low, interval.high),
        seed=seed,
        seconds=round(median(seconds), 6),
        measured_at=measured_at,
    )


async def take_turn(agent: Agent, turn: Turn) -> Body:
    """Return an agent's reply to a turn that belongs to no run.

    Raises `AgentNetError`, also for a reply that is not in the form of its role.
    """
    body = (await agent.take(turn)).body
    if isinstance(body, Error):
        raise ReplyError(body.detail)
    return body


async def _is_right(agent: Agent, question: Question) -> bool:
    try:
        return question.is_right(await take_turn(agent, question.turn))
    except AgentNetError as error:
        if error.code in NOT_ITS_FAULT:
            raise
        return False
