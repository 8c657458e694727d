"""The card of each member: from the network file, or from the zoo."""

from __future__ import annotations

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.network import AgentSpec, NetworkSpec

_ZOO = "zoo:"


def with_known_cards(spec: NetworkSpec) -> NetworkSpec:
    """Return the network with a card for every member: a zoo model's own card if the file gives none.

    Raises `ModelFileError` for an unknown zoo model.
    """
    agents = tuple(_with_known_card(agent) for agent in spec.agents)
    return spec if agents == spec.agents else spec.model_copy(update={"agents": agents})


def _with_known_card(agent: AgentSpec) -> AgentSpec:
    if "card" in agent.model_fields_set or not isinstance(agent.model, LlamaSpec):
        return agent
    if not agent.model.path.startswith(_ZOO):
        return agent
    from agentnet.zoo import catalog

    return agent.model_copy(update={"card": catalog.card(agent.model.path.removeprefix(_ZOO))})
