"""Calibration: the owner's questions, put to a member outside of its work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agentnet.agents import Agent, Turn
from agentnet.contracts.bodies import Task
from agentnet.contracts.profiles import Observation, Seat
from agentnet.errors import BadInput
from agentnet.network.measuring import ask
from agentnet.profiles.asking import observation
from agentnet.profiles.members import Profiled
from agentnet.profiles.questions import digest
from agentnet.store.profiles import Profiles


@dataclass(frozen=True, slots=True)
class Graded:
    """A question, and a function that grades an answer to it."""

    label: str
    text: str
    is_right: Callable[[str], bool]
    suite: str
    seed: int | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.suite, digest(self.text)


async def calibrate(
    agent: Agent,
    questions: Sequence[Graded],
    members: Profiled,
    store: Profiles,
    *,
    concurrency: int = 1,
) -> None:
    """Put questions to a member, and record each answer as it comes.

    A question that was put to the member in the same suite before is not put again, so that calibration can be resumed.
    Raises `BadInput` for a member that cannot be measured, `ModelError` if its model cannot be asked, and `StoreError`.
    """
    seat = members.seat(agent.name)
    if seat is None or not agent.metered:
        raise BadInput(f"{agent.name} cannot be measured: it is no model of this network")
    known = {(one.suite, one.question) for one in await _calibration(members, store, agent.name, seat)}
    missing = [question for question in questions if question.key not in known]
    slots = asyncio.Semaphore(concurrency)

    async def put(place: int, question: Graded) -> None:
        async with slots:
            await store.reserve(Seat(member=agent.name), digest(question.text))
            turn = Turn("solve", Task(text=question.text, label=question.label), seed=place)
            asked = await ask(agent, turn, stream=True)
            served = None if asked.reply is None else asked.reply.served_by
            one = observation(
                asked,
                members.seat(agent.name, served) or seat,
                "calibration",
                label=question.label,
                question=digest(question.text),
                suite=question.suite,
                seed=question.seed,
                is_right=question.is_right,
            )
            await members.record([one])
            if asked.failed and asked.error is not None:
                raise asked.error

    try:
        async with asyncio.TaskGroup() as group:
            for place, question in enumerate(missing):
                group.create_task(put(place, question))
    except ExceptionGroup as several:
        raise several.exceptions[0] from several


async def _calibration(members: Profiled, store: Profiles, name: str, seat: Seat) -> list[Observation]:
    """Return the graded answers of every seat of a member to calibration questions."""
    seats = {profile.seat.node: profile.seat for profile in members.seats(name)} or {seat.node: seat}
    kept = [one for each in seats.values() for one in await store.observations(each)]
    return [one for one in kept if one.source == "calibration" and one.right is not None]
