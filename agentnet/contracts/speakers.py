"""The agents that took part in a run."""

from __future__ import annotations

from collections.abc import Iterable

from agentnet.contracts.bodies import Error, Fusion
from agentnet.contracts.messages import RESERVED_SENDERS, Message


def speakers(messages: Iterable[Message], *, failed: bool) -> list[str]:
    """Return the names of the agents that spoke, in the order of their first turn.

    With `failed`, every agent that was asked counts. Without it, an agent counts only with a turn that is not an error.
    All members of a fused answer spoke; a member that was dropped from it failed.
    """
    names: dict[str, None] = {}
    for message in messages:
        body = message.body
        if isinstance(body, Fusion):
            names.update((name, None) for name in body.members if failed or name not in body.dropped)
        elif message.sender not in RESERVED_SENDERS and (failed or not isinstance(body, Error)):
            names[message.sender] = None
    return list(names)
