"""The cards with which members enter a network.

A zoo model brings its own card, and the prompt pack that it was trained with. What the card of any other member says of
measurements counts as a claim, unless the network file vouches for it: a card is written by the member's own side.
"""

from __future__ import annotations

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.network import AgentSpec, NetworkSpec

_ZOO = "zoo:"


def with_known_cards(spec: NetworkSpec) -> NetworkSpec:
    """Return the network with the card of every member: a zoo model's own where the file gives none.

    Measurements on it are left out for a member with tools: the model was measured without.

    Raises `ModelFileError` for an unknown zoo model.
    """
    agents = tuple(_with_known_card(agent) for agent in spec.agents)
    return spec if agents == spec.agents else spec.model_copy(update={"agents": agents})


def _with_known_card(agent: AgentSpec) -> AgentSpec:
    if not isinstance(agent.model, LlamaSpec) or not agent.model.path.startswith(_ZOO):
        return _of_a_stranger(agent)
    from agentnet.zoo import catalog

    card = catalog.card(agent.model.path.removeprefix(_ZOO))
    if agent.tools is not None:  # it was measured without
        card = card.model_copy(update={"measured": {}})
    known = {"card": card, "pack": catalog.PACK}
    update = {name: value for name, value in known.items() if name not in agent.model_fields_set}
    known_agent = agent.model_copy(update=update)
    if known_agent.card != known["card"]:
        return _of_a_stranger(known_agent)
    return known_agent.model_copy(update={"vouched": True})


def _of_a_stranger(agent: AgentSpec) -> AgentSpec:
    return agent if agent.vouched else agent.model_copy(update={"card": agent.card.as_claims()})
