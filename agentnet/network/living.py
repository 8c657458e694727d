"""`Living`: keeps the members of a registry in step with a roster.

A member is in the network while a node that is present offers it. Nodes that offer one name with one digest are
replicas of one member, and the directory knows them all; of two digests, the one that was there first counts.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

from agentnet.contracts.network import AgentSpec
from agentnet.contracts.nodes import PRESENT, NodeRecord, NodeSpec, Offer
from agentnet.errors import AgentNetError, StoreError
from agentnet.logs import logger
from agentnet.models.node.directory import Directory
from agentnet.network.network import Network
from agentnet.network.registry import Registry
from agentnet.network.roster import Roster

log = logger("nodes")

POLL_SECONDS = 1.0
"""Seconds between two looks at the roster, which another process may have changed."""
RETRY_SECONDS = 15.0
"""Seconds after which a member that could not be opened is tried again."""


class Living:
    """Lets the members of nodes join and leave a registry, and tells the directory where they are served.

    Belongs to one event loop. If the store cannot be read, the members stay as they were until it can.
    """

    def __init__(self, registry: Registry, roster: Roster, directory: Directory, *, poll: float = POLL_SECONDS) -> None:
        """`poll` is in seconds. Nothing joins before the first `refresh`."""
        self._registry, self._roster, self._directory, self._poll = registry, roster, directory, poll
        self._told = asyncio.Event()
        self._refreshing = asyncio.Lock()
        self._refused: dict[str, tuple[NodeSpec, float]] = {}
        """Members that could not join, and when each was last tried."""
        self._in_step = 0
        """The roster's epoch that the registry is in step with."""
        self._away = False

    async def refresh(self) -> Network:
        """Look at the roster once, let members join and leave, and return the new snapshot. Raises `StoreError`."""
        async with self._refreshing:
            await self._roster.sweep()
            if await self._roster.refresh():
                self._directory.update(self._roster.known)
            if self._in_step != self._roster.epoch or self._refused:
                self._in_step = self._roster.epoch
                await self._bring_in_step()
            return self._registry.snapshot()

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Look at the roster, and follow it until the context ends. Raises `StoreError`."""
        await self.refresh()
        task = asyncio.create_task(self.follow(), name="agentnet-roster")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def follow(self) -> None:
        """Follow the roster until the task is cancelled: at once what this process changes, else by polling."""
        stop = self._roster.listen(self._told.set)
        try:
            while True:
                with suppress(TimeoutError):  # not `asyncio.wait_for`, which can swallow the end of the task
                    async with asyncio.timeout(self._poll):
                        await self._told.wait()
                self._told.clear()
                await self._refresh_or_log()
        finally:
            stop()

    async def _refresh_or_log(self) -> None:
        try:
            await self.refresh()
        except StoreError as error:
            if not self._away:
                log.warning("the nodes cannot be read, and stay as they were: %s", error)
            self._away = True
        else:
            if self._away:
                log.info("the nodes can be read again")
            self._away = False

    async def _bring_in_step(self) -> None:
        now = self._registry.snapshot()
        own = {agent.name for agent in now.spec.agents if not isinstance(agent.model, NodeSpec)}
        present = {agent.name: agent.model for agent in now.spec.agents if isinstance(agent.model, NodeSpec)}
        offered = _members_of(self._roster.known)
        wanted = {name: agent for name, agent in offered.items() if name not in own}
        for name in offered.keys() & own:
            self._refuse(offered[name], "the network file has a member of this name")
        leaving = [name for name, spec in present.items() if name not in wanted or wanted[name].model != spec]
        await self._registry.leave(*leaving)
        joining = [agent for name, agent in wanted.items() if name not in present or name in leaving]
        await self._join(joining)
        self._refused = {name: refused for name, refused in self._refused.items() if name in offered}

    async def _join(self, members: list[AgentSpec]) -> None:
        """Let members join; where one cannot be opened, the others join without it."""
        members = [member for member in members if self._is_due(member)]
        if not members:
            return
        try:
            await self._registry.join(*members)
        except AgentNetError as error:
            if len(members) == 1:
                self._refuse(members[0], str(error))
                return
            for member in members:
                await self._join([member])
        else:
            for member in members:
                self._refused.pop(member.name, None)

    def _is_due(self, member: AgentSpec) -> bool:
        spec, tried = self._refused.get(member.name, (None, 0.0))
        return spec != member.model or time.monotonic() - tried > RETRY_SECONDS

    def _refuse(self, member: AgentSpec, why: str) -> None:
        assert isinstance(member.model, NodeSpec)
        if self._refused.get(member.name, (None, 0.0))[0] != member.model:
            log.warning("%s of a node does not take part: %s", member.name, why)
        self._refused[member.name] = member.model, time.monotonic()


def _members_of(nodes: Iterable[NodeRecord]) -> dict[str, AgentSpec]:
    """Return the members that nodes offer, those of the node that joined first before others."""
    members: dict[str, AgentSpec] = {}
    for node in nodes:
        if node.state in PRESENT:
            for offer in node.offers:
                if offer.name not in members:
                    members[offer.name] = member_of(offer)
    return members


def member_of(offer: Offer) -> AgentSpec:
    """Return the member of an offer. What its card says of measurements is its own word."""
    return AgentSpec(
        name=offer.name,
        model=NodeSpec(member=offer.name, digest=offer.digest),
        card=offer.card.as_claims(),
        pack=offer.pack,
        sampling=offer.sampling,
    )
