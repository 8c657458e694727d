"""Asking a member one question with a known answer: the one measurer, for canaries and for `agentnet measure`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from agentnet.agents import Agent, Reply, Turn
from agentnet.agents.base import OnText
from agentnet.contracts.bodies import Body, Error, Refusal, answer_of
from agentnet.contracts.profiles import Observation, Seat, Source
from agentnet.contracts.profiles import Reply as Outcome
from agentnet.errors import AgentNetError
from agentnet.network.measuring import NOT_ITS_FAULT


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of a turn."""

    body: Body
    reply: Reply | None
    """None if the model could not be asked."""
    seconds: float
    first_token: float | None
    """Seconds to the first piece; None where it was not streamed."""

    @property
    def outcome(self) -> Outcome:
        return outcome_of(self.body)


def outcome_of(body: Body) -> Outcome:
    """Return what came of a turn, by the body of its message."""
    if isinstance(body, Refusal):
        return "refused"
    if isinstance(body, Error):
        return "failed" if body.code in NOT_ITS_FAULT else "unreadable"
    return "answered"


async def ask(agent: Agent, turn: Turn, *, stream: bool) -> Asked:
    """Let an agent take a turn that belongs to no run. Whatever it raises becomes an `Error` body."""
    started = time.perf_counter()
    first: list[float] = []

    def heard(_: str) -> None:
        if not first:
            first.append(time.perf_counter() - started)

    on_text: OnText | None = heard if stream else None
    body: Body
    reply: Reply | None = None
    try:
        reply = await agent.take(turn, on_text)
        body = reply.body
    except AgentNetError as error:
        body = Error(code=error.code, detail=str(error))
    return Asked(body, reply, time.perf_counter() - started, first[0] if first else None)


def observation(
    asked: Asked,
    seat: Seat,
    source: Source,
    *,
    label: str | None,
    question: str,
    suite: str,
    seed: int | None = None,
    is_right: Callable[[Body], bool],
) -> Observation:
    """Return a turn as an observation. A reply that cannot be read is wrong; a model that fails proves nothing."""
    outcome = asked.outcome
    usage = None if asked.reply is None else asked.reply.usage
    return Observation(
        seat=seat,
        source=source,
        label=label,
        question=question,
        reply=outcome,
        right=None if outcome == "failed" else is_right(asked.body),
        suite=suite,
        seed=seed,
        time=datetime.now(UTC),
        seconds=asked.seconds,
        first_token=asked.first_token,
        prompt_tokens=usage.prompt_tokens if usage else 0,
        tokens=usage.completion_tokens if usage else 0,
        cost=usage.cost if usage else 0.0,
    )


def answers(body: Body, is_right: Callable[[str], bool]) -> bool:
    """Return whether a body carries an answer that is right."""
    answer = answer_of(body)
    return answer is not None and is_right(answer)
