"""From what came of a question to an observation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from agentnet.contracts.bodies import Body, Error, Refusal, answer_of
from agentnet.contracts.profiles import Observation, Reply, Seat, Source
from agentnet.network.measuring import NOT_ITS_FAULT, Asked


def outcome_of(body: Body) -> Reply:
    """Return what came of a turn, by the body of its message."""
    if isinstance(body, Refusal):
        return "refused"
    if isinstance(body, Error):
        return "failed" if body.code in NOT_ITS_FAULT else "unreadable"
    return "answered"


def observation(
    asked: Asked,
    seat: Seat,
    source: Source,
    *,
    label: str | None,
    question: str,
    suite: str,
    seed: int | None = None,
    is_right: Callable[[str], bool],
) -> Observation:
    """Return an asked question as an observation.

    A reply that cannot be read, and a refusal, are wrong. A model that could not be asked has proven nothing.
    """
    answer, usage = answer_of(asked.body), None if asked.reply is None else asked.reply.usage
    return Observation(
        seat=seat,
        source=source,
        label=label,
        question=question,
        reply=outcome_of(asked.body),
        right=None if asked.failed else answer is not None and is_right(answer),
        suite=suite,
        seed=seed,
        time=datetime.now(UTC),
        seconds=asked.seconds,
        first_token=asked.first_token,
        prompt_tokens=usage.prompt_tokens if usage else 0,
        tokens=usage.completion_tokens if usage else 0,
        cost=usage.cost if usage else 0.0,
    )
