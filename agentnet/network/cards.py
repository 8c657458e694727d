"""Defaults that a zoo model brings to a network file: its card, and the prompt pack that it was trained with."""

from __future__ import annotations

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.network import AgentSpec, NetworkSpec

_ZOO = "zoo:"


def with_known_cards(spec: NetworkSpec) -> NetworkSpec:
    """Return the network with a card for every member: a zoo model brings its own card and pack if the file gives none.

    Raises `ModelFileError` for an unknown zoo model.
    """
    agents = tuple(_with_known_card(agent) for agent in spec.agents)
    return spec if agents == spec.agents else spec.model_copy(update={"agents": agents})


def _with_known_card(agent: AgentSpec) -> AgentSpec:
    if not isinstance(agent.model, LlamaSpec) or not agent.model.path.startswith(_ZOO):
        return agent
    from agentnet.zoo import catalog

    known = {"card": catalog.card(agent.model.path.removeprefix(_ZOO)), "pack": catalog.PACK}
    return agent.model_copy(update={name: value for name, value in known.items() if name not in agent.model_fields_set})
