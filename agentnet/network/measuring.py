"""Measuring a member's capability: the source of all numbers on cards.

`ask` puts one question, for whoever measures. `measure` asks an agent questions with known answers. `measurement` turns
graded answers of any source into a `Measured`: an evaluation measures its members with the trials that it keeps anyway.
Profiles (`agentnet.profiles`) keep what each question told.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import fmean, median

from agentnet.agents import Agent, Reply, Turn
from agentnet.agents.base import take_alone
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


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of a turn that belongs to no run."""

    body: Body
    """An `Error` where the model could not be asked, or gave no reply in the form of its role."""
    reply: Reply | None
    """None if the model could not be asked."""
    seconds: float
    first_token: float | None
    """Seconds to the first piece; None where it was not streamed."""
    error: AgentNetError | None = None
    """What the agent raised."""

    @property
    def failed(self) -> bool:
        """Whether the model could not be asked, which says nothing about the agent's capability."""
        return isinstance(self.body, Error) and self.body.code in NOT_ITS_FAULT


async def ask(agent: Agent, turn: Turn, *, stream: bool = False) -> Asked:
    """Let an agent take a turn that belongs to no run. With `stream`, its reply is read piece by piece."""
    first: list[float] = []
    started = time.perf_counter()

    def heard(_: str) -> None:
        if not first:
            first.append(time.perf_counter() - started)

    body: Body
    reply: Reply | None = None
    raised: AgentNetError | None = None
    try:
        reply = await take_alone(agent, turn, heard if stream else None)
        body = reply.body
    except AgentNetError as error:
        raised, body = error, Error(code=error.code, detail=str(error))
    return Asked(body, reply, time.perf_counter() - started, first[0] if first else None, raised)


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

    async def put(question: Question) -> None:
        async with slots:
            asked = await ask(agent, question.turn)
            if asked.failed and asked.error is not None:
                raise asked.error
            seconds.append(asked.seconds)
            scores.append(float(not isinstance(asked.body, Error) and question.is_right(asked.body)))

    try:
        async with asyncio.TaskGroup() as group:
            for question in questions:
                group.create_task(put(question))
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
    body = (await take_alone(agent, turn)).body
    if isinstance(body, Error):
        raise ReplyError(body.detail)
    return body
