"""`Registry`: the current members of a network, and the owner of their models.

Members may join and leave during runs. A run takes a lease: a snapshot of the members whose models stay open until the
run ends, even if members leave meanwhile. A model that several members name is loaded once and closed with its last
user.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from agentnet.agents import Agent, HumanAgent, ModelAgent
from agentnet.agents.tools import ToolServers
from agentnet.contracts.base import first_problem
from agentnet.contracts.model_specs import HumanSpec, ModelSpec
from agentnet.contracts.network import AgentSpec, NetworkSpec
from agentnet.contracts.nodes import NodeSpec
from agentnet.errors import NetworkError
from agentnet.models.backends import OpenNode, no_node
from agentnet.models.base import Model
from agentnet.models.pool import ModelPool
from agentnet.network.cards import with_known_cards
from agentnet.network.network import Network
from agentnet.prompts import Pack, find_pack

if TYPE_CHECKING:
    from agentnet.models.llama.machine import Machine

PERSONS_PACK = "person"
"""The default prompt pack of people: its templates word the questions to them."""


class Registry:
    """The members of one network, open. Belongs to one event loop.

    `snapshot` is the same object until a member joins or leaves.
    """

    def __init__(self, spec: NetworkSpec, base: Path, pool: ModelPool, tools: ToolServers | None = None) -> None:
        """Make an empty registry; `open` makes one with members. `base` is the base folder of relative paths."""
        self._base, self._pool = base, pool
        self._tools = tools or ToolServers({}, base, base)
        self._network = Network(spec.model_copy(update={"agents": ()}), ())
        self._leases: list[int] = []
        """The epochs of active leases."""
        self._joining: set[str] = set()
        """Names of members whose models are loading."""
        self._closed = False
        self._departed: list[tuple[int, ModelSpec]] = []
        """Models of members that left, each with the first epoch without the member."""

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        spec: NetworkSpec,
        base: Path | None = None,
        *,
        machine: Machine | None = None,
        open_node: OpenNode = no_node,
        tools: ToolServers | None = None,
    ) -> AsyncIterator[Registry]:
        """Open every member, and close their models at the end. Raises `ModelError` or `NetworkError`.

        Local models divide the cores and the memory of `machine`; None uses this process's machine. `open_node` opens
        the models of members that nodes serve. `tools` are the servers of tools, which are started with the members
        that use them; without them, no member can.
        """
        base = base or Path.cwd()
        async with ModelPool(base=base, machine=machine, open_node=open_node) as pool:
            registry = cls(spec, base, pool, tools)
            await registry._enter(spec.agents)
            try:
                yield registry
            finally:
                registry._closed = True

    def snapshot(self) -> Network:
        """Return the current members."""
        return self._network

    def own_names(self) -> tuple[str, ...]:
        """Return the names of the members that no node serves."""
        return tuple(agent.name for agent in self._network.spec.agents if not isinstance(agent.model, NodeSpec))

    @asynccontextmanager
    async def lease(self, like: NetworkSpec | None = None) -> AsyncIterator[Network]:
        """Yield a snapshot whose models stay open until the context ends.

        `like` is the network of an interrupted run. Nodes come and go, but a run has the members that it began with:
        those that nodes served are opened as they were recorded, and those that came since are left out. Raises
        `ModelError` if one cannot be opened.
        """
        network = self._network
        self._leases.append(network.epoch)
        models: list[Model] = []
        try:
            if like is None or _on_nodes(like) == _on_nodes(network.spec):
                yield network
            else:
                missing = [agent for agent in like.agents if _is_missing(agent, network.spec)]
                models = await self._models_of(missing)
                yield self._as_it_was(network, like, missing, models)
        finally:
            await asyncio.gather(*map(self._pool.release, models))
            self._leases.remove(network.epoch)
            await self._release_unused()

    async def join(self, *members: AgentSpec) -> Network:
        """Open new members and add them, and return the new snapshot. If one cannot be opened, none joins.

        A member that joined plans, judges and verifies only where it was measured at that (see
        `agentnet.coordinator.preflight`). Raises `ModelError`, and `NetworkError` for a name that is taken or reserved,
        and for a closed network.
        """
        return await self._enter(members, joined=frozenset(member.name for member in members))

    async def _enter(self, members: Sequence[AgentSpec], *, joined: frozenset[str] = frozenset()) -> Network:
        members = self._admitted(members)
        names = {member.name for member in members}
        self._joining |= names
        try:
            packs = [self._pack(member) for member in members]
            used = {name for member in members if member.tools is not None for name in member.tools.servers}
            await self._tools.start(used)
            models = await self._models_of(members)
        finally:
            self._joining -= names
        if self._closed:
            await asyncio.gather(*map(self._pool.release, models))
            raise self._no_longer_open()
        agents = self._agents_of(members, packs, models)
        everyone = (*self._network.spec.agents, *members)
        return self._change(everyone, [*self._network, *agents], self._network.joined | joined)

    def _as_it_was(
        self, now: Network, like: NetworkSpec, missing: Sequence[AgentSpec], models: Sequence[Model]
    ) -> Network:
        """The present network with the members on nodes that an earlier one had, in its order.

        `models` are those of the members that are `missing` now.
        """
        opened = {agent.name: agent for agent in self._agents_of(missing, [self._pack(one) for one in missing], models)}
        specs = {agent.name: agent for agent in now.spec.agents} | {agent.name: agent for agent in missing}
        before = {agent.name: place for place, agent in enumerate(like.agents)}
        names = [name for name, agent in specs.items() if name in before or not isinstance(agent.model, NodeSpec)]
        names.sort(key=lambda name: before.get(name, len(before)))
        return Network(
            now.spec.model_copy(update={"agents": tuple(specs[name] for name in names)}),
            [opened.get(name) or now[name] for name in names],
            epoch=now.epoch,
            joined=(now.joined | opened.keys()) & frozenset(names),
        )

    def _admitted(self, members: Sequence[AgentSpec]) -> tuple[AgentSpec, ...]:
        """The new members, each with its card. Raises `NetworkError` if one may not join."""
        name = self._network.spec.name
        if self._closed:
            raise self._no_longer_open()
        taken = self._joining.union(self._network.agents) & {member.name for member in members}
        if taken:
            raise NetworkError(f"network {name!r} has an agent {min(taken)!r} already: choose another name")
        if not members:
            return ()
        try:
            return with_known_cards(
                NetworkSpec(name=name, agents=tuple(members), tools=self._network.spec.tools)
            ).agents
        except ValidationError as error:
            raise NetworkError(f"network {name!r}: {first_problem(error)}") from error

    def _no_longer_open(self) -> NetworkError:
        return NetworkError(f"network {self._network.spec.name!r} is closed: open it again")

    async def leave(self, *names: str) -> Network:
        """Remove members, and return the new snapshot. Their models close when no run uses them any more.

        Raises `NetworkError` for an unknown name. The last member of a network may leave only if a node served it.
        """
        leaving = {self._network[name].name for name in names}
        if not leaving:
            return self._network
        members = tuple(member for member in self._network.spec.agents if member.name not in leaving)
        gone = [member.model for member in self._network.spec.agents if member.name in leaving]
        if not members and not all(isinstance(model, NodeSpec) for model in gone):
            raise NetworkError(f"{names[-1]} is the last member of network {self._network.spec.name!r}")
        staying = [agent for agent in self._network if agent.name not in leaving]
        network = self._change(members, staying, self._network.joined - leaving)
        self._departed += [(network.epoch, model) for model in gone if not isinstance(model, HumanSpec)]
        await self._release_unused()
        return network

    async def _models_of(self, members: Sequence[AgentSpec]) -> list[Model]:
        """The models of the members that have one, loaded concurrently; if one fails, all are closed."""
        specs = [member.model for member in members if not isinstance(member.model, HumanSpec)]
        loads = [asyncio.ensure_future(self._pool.acquire(spec)) for spec in specs]
        try:
            return list(await asyncio.gather(*loads))
        except BaseException:
            if loads:
                await asyncio.wait(loads)
            opened = [load.result() for load in loads if not load.cancelled() and load.exception() is None]
            await asyncio.gather(*map(self._pool.release, opened))
            raise

    def _agents_of(self, members: Sequence[AgentSpec], packs: Sequence[Pack], models: Sequence[Model]) -> list[Agent]:
        """The agents of members; `models` are those of the members that are no people."""
        opened = iter(models)
        agents: list[Agent] = []
        for member, pack in zip(members, packs, strict=True):
            if isinstance(member.model, HumanSpec):
                agents.append(HumanAgent(member.name, member.card, pack))
            else:
                toolbox = None if member.tools is None else self._tools.toolbox(member.tools)
                agents.append(ModelAgent(member.name, next(opened), member.card, pack, member.sampling, toolbox))
        return agents

    def _pack(self, member: AgentSpec) -> Pack:
        own = "pack" in member.model_fields_set or not member.is_human
        return find_pack(member.pack if own else PERSONS_PACK, beside=self._base)

    def _change(self, members: tuple[AgentSpec, ...], agents: list[Agent], joined: frozenset[str]) -> Network:
        spec = self._network.spec.model_copy(update={"agents": members})
        self._network = Network(spec, agents, epoch=self._network.epoch + 1, joined=joined)
        return self._network

    async def _release_unused(self) -> None:
        """Release the models of members that left before the oldest lease began."""
        oldest = min(self._leases, default=self._network.epoch)
        unused = [entry for entry in self._departed if entry[0] <= oldest]
        self._departed = [entry for entry in self._departed if entry[0] > oldest]
        for _, spec in unused:
            await self._pool.release(spec)


def _on_nodes(spec: NetworkSpec) -> dict[str, tuple[object, ...]]:
    """Member → what its replies depend on, for the members that nodes serve."""
    return {agent.name: _same(agent) for agent in spec.agents if isinstance(agent.model, NodeSpec)}


def _is_missing(agent: AgentSpec, now: NetworkSpec) -> bool:
    """Whether a member of an earlier network is served by nodes, and the present one has none like it."""
    return isinstance(agent.model, NodeSpec) and _on_nodes(now).get(agent.name) != _same(agent)


def _same(agent: AgentSpec) -> tuple[object, ...]:
    return agent.model, agent.pack, agent.sampling
