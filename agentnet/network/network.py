"""`Network`: an immutable snapshot of a network's members; each run sees one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from types import MappingProxyType
from typing import Protocol

from agentnet.agents import Agent
from agentnet.contracts.cards import Card
from agentnet.contracts.grades import Grades
from agentnet.contracts.model_specs import A2ASpec, OpenAISpec
from agentnet.contracts.network import NetworkSpec
from agentnet.contracts.nodes import NodeSpec
from agentnet.errors import NetworkError
from agentnet.network.cards import with_known_cards


class Members(Protocol):
    """The source of a run's members: a registry, or a network that never changes."""

    def snapshot(self) -> Network:
        """Return the current members."""
        ...

    def lease(self, like: NetworkSpec | None = None) -> AbstractAsyncContextManager[Network]:
        """Return a snapshot whose models stay open while the context lasts.

        `like` is the network of an interrupted run: then the members that nodes serve are those of that run, whichever
        nodes are there now.
        """
        ...


class Network:
    """Agents by name, in the order of the network file.

    `epoch` counts the changes of the members. Networks compare by identity: a registry returns the same object until
    its members change.
    """

    def __init__(
        self,
        spec: NetworkSpec,
        agents: Iterable[Agent],
        *,
        epoch: int = 0,
        joined: frozenset[str] = frozenset(),
        probation: frozenset[str] = frozenset(),
    ) -> None:
        self.spec = spec
        self.agents: Mapping[str, Agent] = MappingProxyType({agent.name: agent for agent in agents})
        self.epoch = epoch
        self.joined = joined
        """Names of the members that the network file does not name: they joined later."""
        self.probation = probation
        """Names of the members whose answers weigh nothing: they have not proven themselves yet, or were expelled.

        Selectors of roles pass over them, unless no other member has the role.
        """
        self._hidden = frozenset(
            member.name
            for member in spec.agents
            if isinstance(member.model, A2ASpec | OpenAISpec | NodeSpec) and not member.vouched
        )

    def snapshot(self) -> Network:
        return self

    def lease(self, like: NetworkSpec | None = None) -> AbstractAsyncContextManager[Network]:
        return nullcontext(self)

    def with_cards(self, cards: Mapping[str, Card], *, vouched: bool = True) -> Network:
        """Return a network of the same members and models, with other cards for some members.

        The caller vouches for these cards, and with `vouched` for their members' servers, too. Raises `NetworkError`
        for the card of an unknown member.
        """
        for name in cards:
            self[name]
        members = tuple(
            member.model_copy(update={"card": cards[member.name], "vouched": vouched or member.vouched})
            if member.name in cards
            else member
            for member in self.spec.agents
        )
        spec = self.spec.model_copy(update={"agents": members})
        return self._with(spec, [agent.with_card(cards.get(agent.name, agent.card)) for agent in self])

    def with_agents(self, agents: Mapping[str, Agent], *, vouched: bool = False) -> Network:
        """Return a network in which some members are replaced by other agents, under the same names.

        Unless the caller vouched for them, the cards of these agents count as their own word. Raises `NetworkError` for
        an unknown name.
        """
        for name in agents:
            self[name]
        members = tuple(
            member.model_copy(update={"card": agents[member.name].card, "vouched": vouched})
            if member.name in agents
            else member
            for member in self.spec.agents
        )
        spec = with_known_cards(self.spec.model_copy(update={"agents": members}))
        cards = {member.name: member.card for member in spec.agents}
        replaced = [
            agents[agent.name].with_card(cards[agent.name]) if agent.name in agents else agent for agent in self
        ]
        return self._with(spec, replaced)

    def with_probation(self, names: Iterable[str]) -> Network:
        """Return a network of the same members, of whom those with these names weigh nothing; others do not count."""
        return self._with(self.spec, self, probation=frozenset(names) & self.agents.keys())

    def without(self, names: Collection[str]) -> Network:
        """Return a network that lacks some members. Raises `NetworkError` where none is left."""
        members = tuple(member for member in self.spec.agents if member.name not in names)
        if not members:
            raise NetworkError(f"network {self.spec.name!r} has no members left")
        spec = self.spec.model_copy(update={"agents": members})
        staying = [agent for agent in self if agent.name not in names]
        return self._with(spec, staying, probation=self.probation - set(names))

    def with_grades(self, grades: Grades) -> Network:
        """Return a network of the same members that graded each other so."""
        spec = self.spec.model_copy(update={"grades": grades})
        return self._with(spec, self)

    def _with(self, spec: NetworkSpec, agents: Iterable[Agent], *, probation: frozenset[str] | None = None) -> Network:
        """Return a network of other cards or fewer members, and by default with the same members on probation."""
        probation = self.probation if probation is None else probation
        return Network(spec, agents, epoch=self.epoch, joined=self.joined, probation=probation)

    def __getitem__(self, name: str) -> Agent:
        try:
            return self.agents[name]
        except KeyError:
            raise NetworkError(
                f"no agent {name!r} in network {self.spec.name!r} (members: {', '.join(self.agents)})"
            ) from None

    def __iter__(self) -> Iterator[Agent]:
        return iter(self.agents.values())

    def __len__(self) -> int:
        return len(self.agents)

    @property
    def solvers(self) -> list[str]:
        """Names of the members that ``@best`` chooses from: those with the role solver, or all where there are none."""
        return [agent.name for agent in self if "solver" in agent.card.roles] or list(self.agents)

    def shows_its_tokens(self, name: str) -> bool:
        """Return whether the probabilities of a sender's tokens can be relied on.

        Those of a model behind a server are its server's word: they count if the network file vouches for the member.
        """
        return name not in self._hidden

    def best(self, names: Iterable[str], label: str | None) -> str:
        """Return the name whose card ranks highest for a label; of equal ranks, the first name.

        Members on probation come last.
        """
        return max(names, key=lambda name: (name not in self.probation, self[name].card.rank(label)))


class Changed:
    """The members of a network, now and later, each snapshot changed by a function. Models stay those of `members`."""

    def __init__(self, members: Members, change: Callable[[Network], Network]) -> None:
        self._members, self._change = members, change
        self._plain = members.snapshot()
        self._network = change(self._plain)

    def snapshot(self) -> Network:
        return self._of(self._members.snapshot())

    @asynccontextmanager
    async def lease(self, like: NetworkSpec | None = None) -> AsyncIterator[Network]:
        async with self._members.lease(like) as network:
            yield self._of(network)

    def _of(self, network: Network) -> Network:
        """Return a changed snapshot; the same object for the same snapshot."""
        if network is not self._plain:
            self._plain, self._network = network, self._change(network)
        return self._network


def with_cards(members: Members, cards: Mapping[str, Card]) -> Members:
    """Return the same members with other cards for some of them. Raises `NetworkError` for an unknown member's card."""
    for name in cards:
        members.snapshot()[name]
    return Changed(
        members, lambda network: network.with_cards({name: cards[name] for name in cards if name in network.agents})
    )
