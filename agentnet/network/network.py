"""The members of a network, with their models opened."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from agentnet.agents import Agent
from agentnet.contracts.cards import Card
from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.network import AgentSpec, NetworkSpec
from agentnet.errors import NetworkError
from agentnet.prompts import find_pack


class Network:
    """Agents by name, in the order of the network file."""

    def __init__(self, spec: NetworkSpec, agents: Iterable[Agent]) -> None:
        self.spec = spec
        self.agents = {agent.name: agent for agent in agents}

    @classmethod
    @asynccontextmanager
    async def open(cls, spec: NetworkSpec, base: Path | None = None) -> AsyncIterator[Network]:
        """Open every model that the agents use, once each, and close them at the end.

        `base` is the folder that relative paths in the spec start from. Raises `ModelError` or `NetworkError`.
        """
        from agentnet.models.pool import ModelPool

        base = base or Path.cwd()
        packs = [find_pack(agent.pack, beside=base) for agent in spec.agents]
        async with ModelPool(base=base) as pool:
            models = await pool.open(agent.model for agent in spec.agents)
            yield cls(
                spec,
                [
                    Agent(agent.name, model, card_of(agent), pack, agent.sampling)
                    for agent, model, pack in zip(spec.agents, models, packs, strict=True)
                ],
            )

    def with_spec(self, spec: NetworkSpec) -> Network:
        """The same open models, with the cards of another spec of the same agents."""
        cards = {agent.name: card_of(agent) for agent in spec.agents}
        return Network(spec, [replace(agent, card=cards[agent.name]) for agent in self])

    def __getitem__(self, name: str) -> Agent:
        try:
            return self.agents[name]
        except KeyError:
            raise NetworkError(
                f"no agent {name!r} in network {self.spec.name!r} (members: {', '.join(self.agents)})"
            ) from None

    def __iter__(self) -> Iterator[Agent]:
        return iter(self.agents.values())

    def best(self, names: Iterable[str], label: str | None) -> str:
        """Of several agents the one whose card ranks first for a label; of equals the first listed."""
        return max(names, key=lambda name: self[name].card.rank(label))


def card_of(agent: AgentSpec) -> Card:
    """The agent's card; a zoo model brings its own where the network file gives none."""
    if "card" in agent.model_fields_set or not isinstance(agent.model, LlamaSpec):
        return agent.card
    if not agent.model.path.startswith("zoo:"):
        return agent.card
    from agentnet.zoo import catalog

    return catalog.card(agent.model.path.removeprefix("zoo:"))
