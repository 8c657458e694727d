"""`Network`: an immutable snapshot of a network's members; each run sees one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from types import MappingProxyType
from typing import Protocol

from agentnet.agents import Agent
from agentnet.contracts.cards import Card
from agentnet.contracts.model_specs import OpenAISpec
from agentnet.contracts.network import NetworkSpec
from agentnet.errors import NetworkError


class Members(Protocol):
    """The source of a run's members: a registry, or a network that never changes."""

    def snapshot(self) -> Network:
        """Return the current members."""
        ...

    def lease(self) -> AbstractAsyncContextManager[Network]:
        """Return a snapshot whose models stay open while the context lasts."""
        ...


class Network:
    """Agents by name, in the order of the network file.

    `epoch` counts the changes of the members. Networks compare by identity: a registry returns the same object until
    its members change.
    """

    def __init__(
        self, spec: NetworkSpec, agents: Iterable[Agent], *, epoch: int = 0, joined: frozenset[str] = frozenset()
    ) -> None:
        self.spec = spec
        self.agents: Mapping[str, Agent] = MappingProxyType({agent.name: agent for agent in agents})
        self.epoch = epoch
        self.joined = joined
        """Names of the members that the network file does not name: they joined later."""
        self._hidden = frozenset(
            member.name for member in spec.agents if isinstance(member.model, OpenAISpec) and not member.vouched
        )

    def snapshot(self) -> Network:
        return self

    def lease(self) -> AbstractAsyncContextManager[Network]:
        return nullcontext(self)

    def with_cards(self, cards: Mapping[str, Card]) -> Network:
        """Return a network of the same members and models, with other cards for some members.

        The caller vouches for these cards. Raises `NetworkError` for the card of an unknown member.
        """
        for name in cards:
            self[name]
        members = tuple(
            member.model_copy(update={"card": cards[member.name], "vouched": True}) if member.name in cards else member
            for member in self.spec.agents
        )
        spec = self.spec.model_copy(update={"agents": members})
        return Network(
            spec,
            [agent.with_card(cards.get(agent.name, agent.card)) for agent in self],
            epoch=self.epoch,
            joined=self.joined,
        )

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

    def shows_its_tokens(self, name: str) -> bool:
        """Return whether the probabilities of a sender's tokens can be relied on.

        Those of a model behind a server are its server's word: they count if the network file vouches for the member.
        """
        return name not in self._hidden

    def best(self, names: Iterable[str], label: str | None) -> str:
        """Return the name whose card ranks highest for a label; of equal ranks, the first name."""
        return max(names, key=lambda name: self[name].card.rank(label))


class WithCards:
    """The members of a network, now and later, with other cards for some of them. Their models stay those of `members`.

    Raises `NetworkError` for the card of an unknown member.
    """

    def __init__(self, members: Members, cards: Mapping[str, Card]) -> None:
        self._members, self._cards = members, dict(cards)
        self._plain = members.snapshot()
        self._network = self._plain.with_cards(self._cards)

    def snapshot(self) -> Network:
        return self._of(self._members.snapshot())

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[Network]:
        async with self._members.lease() as network:
            yield self._of(network)

    def _of(self, network: Network) -> Network:
        """Return a snapshot with the cards; the same object for the same snapshot."""
        if network is not self._plain:
            self._plain = network
            cards = {name: card for name, card in self._cards.items() if name in network.agents}
            self._network = network.with_cards(cards)
        return self._network
