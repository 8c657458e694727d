"""Outcomes: what a user's word on a run's answer says of its members."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from agentnet.answers import same
from agentnet.contracts.bodies import Analysis, answer_of
from agentnet.contracts.messages import COORDINATOR, USER, Message
from agentnet.contracts.network import AgentSpec
from agentnet.contracts.profiles import Observation, Seat
from agentnet.contracts.runs import RunRecord
from agentnet.errors import BadInput
from agentnet.profiles.members import Profiled
from agentnet.profiles.questions import digest
from agentnet.profiles.seats import digest_of
from agentnet.store.storage import Storage


async def report(
    record: RunRecord, messages: Sequence[Message], right: bool, members: Profiled, storage: Storage
) -> list[Observation]:
    """Record in the run and in the profiles whether its answer was right; return what that says of its members.

    A second report on a run replaces the first. A question whose answer is right becomes a canary for the members that
    do not know it, unless the network's `canaries` say otherwise. Raises `BadInput` for a run without an answer.
    """
    if record.answer is None:
        raise BadInput(f"run {record.id} has no answer that could be right or wrong: its status is {record.status}")
    label = label_of(record, messages)
    own = [message for message in messages if not record.has_copied(message)]
    seats = seats_of(record, own, members)
    found = observed(record, own, right, label, seats)
    await members.record(found, instead_of=record.id)
    await storage.runs.set_outcome(record.id, right)
    question, store = digest(record.task.text), storage.profiles
    if right and members.rules.reuse:
        for seat in seats:
            await store.reserve(Seat(member=seat.member), question)
        await store.add_question(question, run=record.id, label=label, text=record.task.text, answer=record.answer)
    else:
        await store.drop_question(record.id)
    return found


def observed(
    record: RunRecord, messages: Sequence[Message], right: bool, label: str | None, seats: Sequence[Seat]
) -> list[Observation]:
    """Return what the outcome says of each member's last own answer to the run's task.

    The answer of the run being right, an equal one is right, and any other wrong. It being wrong, an equal one is
    wrong, and of others nothing is known.
    """
    answer, now = record.answer or "", datetime.now(UTC)
    first = next((message.id for message in messages if message.sender == USER), None)
    own: dict[str, str] = {}
    for message in messages:
        said = answer_of(message.body)
        if said is not None and message.sender not in (USER, COORDINATOR) and first in message.reply_to[:1]:
            own[message.sender] = said
    found = []
    for seat in seats:
        if seat.member not in own or (not right and not same(own[seat.member], answer)):
            continue
        found.append(
            Observation(
                seat=seat,
                source="outcome",
                label=label,
                question=digest(record.task.text),
                right=right and same(own[seat.member], answer),
                suite="reported outcomes",
                run=record.id,
                time=now,
            )
        )
    return found


def label_of(record: RunRecord, messages: Sequence[Message]) -> str | None:
    """Return the label of a run's task: the one that it came with, or that was found for it."""
    found = (message.body.label for message in messages if isinstance(message.body, Analysis))
    return record.task.label or next(found, None)


def seats_of(record: RunRecord, messages: Sequence[Message], now: Profiled) -> list[Seat]:
    """Return the seats of the members that took turns in a run, each on the node that served it last."""
    members: dict[str, AgentSpec] = {member.name: member for member in record.network.agents}
    served = {message.sender: message.served_by for message in messages if message.sender in members}
    return [Seat(member=name, digest=digest_of(members[name]), node=now.key(node)) for name, node in served.items()]
