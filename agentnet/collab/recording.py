"""Who is told what happens in a run: one stores its messages, another notes its turns."""

from __future__ import annotations

from typing import Protocol

from agentnet.agents import Agent, Reply, Turn
from agentnet.contracts.messages import Message


class Recorder(Protocol):
    """Stores messages."""

    async def append(self, message: Message) -> Message:
        """Store a message and return it with its sequence number; for a known id, return the stored message."""
        ...


class Watcher(Protocol):
    """Is told every turn that was taken. It must not wait."""

    def taken(self, agent: Agent, turn: Turn, reply: Reply, seconds: float, *, streamed: bool) -> None:
        """Note a turn with its reply, whose body is an `Error` where it failed. `streamed`: it was read in pieces."""
        ...
