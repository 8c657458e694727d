"""Forks: runs that go on from a message of another run.

A fork begins with the other run's messages up to that message, copied under ids of its own. Where the same protocol
continues, they are its first turns: the graph finds them as those of a resumed run, and takes those behind them again.
Where another protocol does, they are what was said before it (`agentnet.collab.beginning`), and it begins with that in
view.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentnet.collab.beginning import BEFORE
from agentnet.collab.tool_turn import call_id
from agentnet.contracts.bodies import Body, Grade, Result, ToolCall, Verdict, Vote
from agentnet.contracts.messages import LARGEST_INTEGER, TASK_NODE, USER, Message, message_id
from agentnet.contracts.runs import OVER, ForkedFrom, RunRecord
from agentnet.contracts.usage import Usage
from agentnet.coordinator.compiled import LAYOUT
from agentnet.errors import BadInput


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a fork begins with."""

    record: RunRecord
    """The other run."""
    messages: tuple[Message, ...]
    """Its messages up to the one that is forked from, in their order: the first is its task."""
    another: bool
    """Whether another protocol begins, with these messages in view."""

    @property
    def forked_from(self) -> ForkedFrom:
        """What the fork's record says of it."""
        return ForkedFrom(run=self.record.id, message=self.messages[-1].id, copied=len(self.messages) - 1)

    def copied(self, run: str) -> list[Message]:
        """Return the messages behind the task as those of a run, with its ids. Their usage is the other run's."""
        ids = self._ids(run)
        return [
            message.model_copy(
                update={
                    "id": ids[message.id],
                    "run": run,
                    "node": self._node(message),
                    "sequence": sequence,
                    "reply_to": tuple(ids.get(id, id) for id in message.reply_to),
                    "instead_of": message.instead_of and ids.get(message.instead_of, message.instead_of),
                    "usage": Usage(),
                    "body": self._body(message, run, ids),
                }
            )
            for sequence, message in enumerate(self.messages[1:], start=1)
        ]

    def _node(self, message: Message) -> str:
        return BEFORE + message.node if self.another else message.node

    def _ids(self, run: str) -> dict[str, str]:
        """Return the id of each message → the one that it has in a run."""
        ids = {self.messages[0].id: message_id(run, TASK_NODE, 0, USER)}
        calls = Counter[tuple[str, int, str]]()
        for message in self.messages[1:]:
            place = self._node(message), message.round, message.sender
            if isinstance(message.body, ToolCall):
                ids[message.id] = call_id(run, *place, calls[place])
                calls[place] += 1
            else:
                ids[message.id] = message_id(run, *place)
        return ids

    def _body(self, message: Message, run: str, ids: Mapping[str, str]) -> Body:
        """Return the body of a message, with the ids of the messages that it is about."""
        match message.body:
            case Vote(choice=id):
                changed: dict[str, Any] = {"choice": ids.get(id, id)}
            case Verdict(target=id) | Grade(target=id):
                changed = {"target": ids.get(id, id)}
            case Result(sources=sources):
                changed = {"sources": tuple(ids.get(id, id) for id in sources)}
            case ToolCall():  # the message of its turn may not be there yet
                changed = {"turn": message_id(run, self._node(message), message.round, message.sender)}
            case _:
                return message.body
        return message.body.model_copy(update=changed)


def beginning(record: RunRecord, messages: Sequence[Message], last: str | int, *, another: bool) -> Beginning:
    """Return what a fork of a run begins with; `messages` are all of the run's.

    `last` is the message that is forked from: its id, the beginning of it, or its number. `another`: another protocol
    begins, else the run's own continues. Raises `BadInput`.
    """
    kept = tuple(messages[: _place(record, messages, last) + 1])
    if not another and record.protocol.get("layout") != LAYOUT:
        raise BadInput(f"the protocol of run {record.id} cannot go on in this version: name a protocol to begin with")
    if not another and record.status in OVER and len(kept) == len(messages):
        raise BadInput(f"run {record.id} was over with that message: fork from an earlier one, or name a protocol")
    return Beginning(record, kept, another)


def next_seed(record: RunRecord) -> int:
    """Return the seed of a fork that is given none: another than the run's, so that it does not say the same again."""
    return (record.seed + 1) % (LARGEST_INTEGER + 1)


def _place(record: RunRecord, messages: Sequence[Message], last: str | int) -> int:
    if isinstance(last, int):
        found = [place for place, message in enumerate(messages) if message.sequence == last]
    else:
        found = [place for place, message in enumerate(messages) if message.id.startswith(last)]
    if len(found) != 1:
        many = f"{len(found)} messages" if found else "no message"
        which = last if isinstance(last, int) else f"whose id begins with {last[:64]!r}"
        raise BadInput(f"run {record.id} has {many} {which}: `agentnet show {record.id}` numbers them")
    return found[0]
