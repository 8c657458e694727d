"""What was said before a run began that was forked from another: how its protocol gets to see it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from agentnet.contracts.bodies import Assignment
from agentnet.contracts.messages import Message
from agentnet.prompts.transcript import readable

BEFORE = "before/"
"""What the nodes of messages begin with that another protocol said."""
_ROUND = re.compile(r"\.\d+(?=/)")
"""The round of a loop around a nested expression, in the path of a node."""


def was_before(message: Message) -> bool:
    """Return whether a message was said by another protocol, before the run's own began."""
    return message.node.startswith(BEFORE)


def in_view(messages: Iterable[Message]) -> list[str]:
    """Return the ids of the messages that a run's protocol begins with in view; `messages` are in their order.

    They answer the task, or say something about the answers; the steps of a plan are tasks of their own. As in a loop,
    the last word of an agent at a place counts, and not what it said there in earlier rounds.
    """
    before = [message for message in messages if was_before(message)]
    steps = [_branch_of(message) for message in before if isinstance(message.body, Assignment)]
    last: dict[tuple[str, str], str] = {}
    for message in before:
        if readable(message) and not any(_is_in(message, step) for step in steps):
            place = _ROUND.sub("", message.node), message.sender
            last.pop(place, None)
            last[place] = message.id
    return list(last.values())


def _branch_of(assignment: Message) -> str:
    """Return the node at which an assigned step is answered."""
    scope, _, branch = assignment.node.rpartition("/assign/")
    return f"{scope}/{branch}"


def _is_in(message: Message, branch: str) -> bool:
    return message.node == branch or message.node.startswith(f"{branch}.")
