"""A node's membership in a network: it registers, sends heartbeats, comes back after a fault of the hub, and leaves."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from agentnet.contracts.joining import Registered
from agentnet.contracts.nodes import HEARTBEAT_SECONDS, Load, NodeCard, NodeState
from agentnet.errors import HubUnavailable, LeaseOver, NodeError
from agentnet.serving.node.client import HubClient

FIRST_PAUSE = 0.25
"""Seconds before the hub is tried again; doubled each time, up to the time between two heartbeats."""

Say = Callable[[str], None]
"""Tells the node's owner what happens, in one line."""


class Membership:
    """The membership of one node, from `join` to `leave`. `load` returns what the node has to do."""

    def __init__(self, client: HubClient, card: NodeCard, load: Callable[[], Load], say: Say) -> None:
        self._client, self._card, self._load, self._say = client, card, load, say
        self._lease = ""
        self._heartbeat = HEARTBEAT_SECONDS

    async def join(self) -> Registered:
        """Register, and send the first heartbeat. Raises `NodeError`, and `BadInput` where there is no hub."""
        registered = await self._client.register(self._card)
        self._lease, self._heartbeat = registered.lease, registered.heartbeat_seconds
        await self._client.heartbeat(self._lease, self._load())
        return registered

    async def keep(self, *, draining: bool = False) -> None:
        """Send heartbeats until the hub says that the node is to leave; if it knows that (`draining`), until cancelled.

        While the hub is away it is tried again and again; if it has forgotten the lease meanwhile, the node registers
        again. Raises `NodeError` where the node may not come back: it was expelled, or another process has its key.
        """
        pause, away = self._heartbeat, False
        while True:
            await asyncio.sleep(pause)
            try:
                state: NodeState | None = (await self._client.heartbeat(self._lease, self._load())).state
            except LeaseOver:
                if draining:
                    return
                state = await self._rejoined()
            except HubUnavailable as error:
                if not away:
                    self._say(f"{error}; trying again")
                pause = _longer(pause if away else 0.0, self._heartbeat)
                away = True
                continue
            if state is None:
                pause, away = _longer(pause, self._heartbeat), True
                continue
            if away:
                self._say(f"the hub at {self._client.url} is back")
            if state == "draining" and not draining:
                self._say("the network wants this node to leave")
                return
            pause, away = self._heartbeat, False

    async def drain(self) -> None:
        """Say that the node takes nothing new. A hub that is away learns it when the lease is over."""
        await self._told(drain=True)

    async def leave(self) -> None:
        """Leave. A hub that is away learns it when the lease is over."""
        await self._told(drain=False)

    async def _told(self, *, drain: bool) -> None:
        try:
            await self._client.leave(self._lease, drain=drain)
        except NodeError as error:
            self._say(f"the hub was not told: {error}")

    async def _rejoined(self) -> NodeState | None:
        """Register again; returns None where the hub went away meanwhile."""
        try:
            await self.join()
        except (HubUnavailable, LeaseOver):
            return None
        self._say("registered again")
        return "active"


def _longer(pause: float, most: float) -> float:
    """Return the next pause, with a random part, so that many nodes do not come back at once."""
    return min(most, max(FIRST_PAUSE, 2 * pause)) * random.uniform(0.75, 1.25)
