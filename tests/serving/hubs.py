"""A hub on loopback with a real roster in a store of its own, and nodes that join it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from agentnet.contracts.joining import PROOF_PATH
from agentnet.contracts.nodes import Load, NodeCard, NodeRecord, Offer
from agentnet.models.addresses import AddressPolicy, joined_near
from agentnet.network.roster import Roster
from agentnet.serving.app import Door, application
from agentnet.serving.hub import Hub
from agentnet.serving.keys import NodeKey
from agentnet.serving.node.admission import Admission
from agentnet.serving.node.api import NodeApi
from agentnet.serving.node.client import HubClient
from agentnet.serving.node.membership import Membership
from agentnet.serving.process import listen, serving, url_of
from agentnet.store import Database
from agentnet.store.nodes import Nodes

LOOPBACK = joined_near("127.0.0.0/8")


@dataclass(frozen=True)
class RunningHub:
    url: str
    roster: Roster
    port: int

    async def nodes(self) -> dict[str, NodeRecord]:
        """All nodes by name, those that are gone too."""
        return {record.name: record for record in await self.roster.nodes(gone=True)}

    async def states(self) -> dict[str, str]:
        return {name: record.state for name, record in (await self.nodes()).items()}


@asynccontextmanager
async def hub(
    store: Path,
    *,
    port: int = 0,
    lease: float = 15.0,
    heartbeat: float = 5.0,
    token: str = "",
    policy: AddressPolicy = LOOPBACK,
    sweep: float | None = None,
) -> AsyncIterator[RunningHub]:
    """Serve the hub of the network ``team``, which has a member ``math`` of its own; leases are swept if told so."""
    async with await Database.open(store) as database:
        roster = Roster(Nodes(database, "team"), lease=lease, hosting=True, own=lambda: ("math",))
        api = Hub(roster, network="team", policy=policy, lease=lease, heartbeat=heartbeat)
        listening = listen("127.0.0.1", port)
        found = RunningHub(url_of(listening), roster, listening.getsockname()[1])
        await roster.sweep()
        async with serving(application(api.routes(), door=Door(token)), listening):
            sweeping = asyncio.create_task(_sweep(roster, sweep)) if sweep is not None else None
            try:
                yield found
            finally:
                if sweeping is not None:
                    sweeping.cancel()
                    await asyncio.gather(sweeping, return_exceptions=True)


async def _sweep(roster: Roster, seconds: float) -> None:
    while True:
        await roster.sweep()
        await asyncio.sleep(seconds)


@dataclass
class Peer:
    """A node without models: its key, its server, and what it heard."""

    key: NodeKey
    card: NodeCard
    client: HubClient
    membership: Membership
    said: list[str] = field(default_factory=list)


def offer(name: str = "poet", digest: str = "d1") -> Offer:
    return Offer(name=name, digest=digest)


@asynccontextmanager
async def served(key: NodeKey, *, port: int = 0, access: str = "") -> AsyncIterator[str]:
    """Serve the API of a node without models; yields its URL."""
    listening = listen("127.0.0.1", port)
    api = NodeApi("peer", key, {}, Admission({}))
    async with serving(application(api.routes(), door=Door(access, {PROOF_PATH})), listening):
        yield url_of(listening)


@asynccontextmanager
async def peer(
    hub_url: str,
    name: str = "box",
    *offers: Offer,
    key: NodeKey | None = None,
    url: str | None = None,
    access: str = "",
    token: str = "",
    port: int = 0,
    load: Callable[[], Load] = Load,
) -> AsyncIterator[Peer]:
    """A node that may join; it serves, and has not registered yet."""
    key = key or NodeKey.new()
    async with served(key, access=access, port=port) as own, HubClient(hub_url, key, token=token) as client:
        card = NodeCard(name=name, key=key.public, url=url or own, offers=offers or (offer(),), access=access)
        said: list[str] = []
        yield Peer(key, card, client, Membership(client, card, load, said.append), said)
