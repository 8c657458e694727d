"""The portfolio: systems that usually help somewhere, spelled out for the members of a network.

Nothing here knows how good a member is: what a system is worth is found on calibration questions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.network import AgentSpec, NetworkSpec
from agentnet.contracts.protocols import (
    Ask,
    Best,
    Cascade,
    Delegate,
    Expression,
    Fuse,
    Parallel,
    Verify,
    Weighted,
)
from agentnet.network.cards import with_known_cards

MOST_FUSED = 4
"""The most members that decode together: each of them evaluates every piece of the text."""

DUTIES = ("solver", "planner", "verifier", "judge", "aggregator")
"""Roles that say what an agent does in a protocol. Any other role on a card names a group of similar agents."""


def usual_systems(network: NetworkSpec, members: Sequence[str]) -> list[tuple[str, Expression]]:
    """Return the usual systems over some members of a network, each with its name.

    Members alone are not among them. Groups are all members, and the members that share a role of their own on their
    cards. Members that answer whole questions can vote; those in this process can also decode together; where the
    network has a planner or a verifier, there are delegation and verification.
    """
    agents = {agent.name: agent for agent in with_known_cards(network).agents}
    asked = [agents[name] for name in members]
    systems = [system for name, group in _groups(asked) for system in _together(name, group)]
    solvers = tuple(Ask(agent=name) for name in members)
    planner, verifier = _first(network, agents, "planner"), _first(network, agents, "verifier")
    if planner is not None:
        systems.append(("delegation", Delegate(planner=planner, workers=solvers)))
    if verifier is not None:
        proposer = Best(among=solvers) if len(solvers) > 1 else solvers[0]
        systems.append(("best, verified", Verify(proposer=proposer, verifier=verifier)))
    return systems


def _groups(agents: Sequence[AgentSpec]) -> Iterator[tuple[str, list[AgentSpec]]]:
    yield "all", list(agents)
    for role in dict.fromkeys(role for agent in agents for role in agent.card.roles if role not in DUTIES):
        group = [agent for agent in agents if role in agent.card.roles]
        if 1 < len(group) < len(agents):
            yield f"{role}s", group


def _together(name: str, agents: Sequence[AgentSpec]) -> Iterator[tuple[str, Expression]]:
    names = tuple(agent.name for agent in agents)
    asked = tuple(Ask(agent=agent) for agent in names)
    if len(agents) > 2:
        yield f"vote of {name}", Parallel(branches=asked)
        yield f"weighted vote of {name}", Parallel(branches=asked, decide=Weighted())
        cheapest = sorted(agents, key=_expense)
        yield f"cascade of {name}", Cascade(steps=tuple(Ask(agent=agent.name) for agent in cheapest))
    if 1 < len(agents) <= MOST_FUSED and all(isinstance(agent.model, LlamaSpec) for agent in agents):
        # Without `speculate`: the same text, and no tokens for rejected drafts, which depend on what ran before.
        yield f"{name} together, by bytes", Fuse(members=names, strategy="pi", level="bytes", speculate=False)
        yield f"{name} together, by cards", Fuse(members=names, strategy="gac", level="bytes", speculate=False)


def _expense(agent: AgentSpec) -> tuple[float, float]:
    """The order of a cascade: by price, then by size."""
    price = agent.card.price
    return price.prompt + price.completion, float(agent.card.parameters or 0)


def _first(network: NetworkSpec, agents: dict[str, AgentSpec], role: str) -> str | None:
    return next((agent.name for agent in network.agents if role in agents[agent.name].card.roles), None)
