"""The first table: does collaboration on the zoo beat its rivals on held-out items?

Two comparisons, each on the same items side by side: delegation against every single solver on compound questions, and
verification by the critic against the same proposer alone on math questions.
"""

from __future__ import annotations

from collections.abc import Callable

from agentnet.collab.library import find_protocol
from agentnet.contracts.protocols import Ask, Verify
from agentnet.coordinator import Coordinator
from agentnet.evals.comparison import Row, compare, inline
from agentnet.network import Network


async def first_light(network: Network, items: int = 200, done: Callable[[str], None] = lambda _: None) -> list[Row]:
    """Run both comparisons on an open zoo network; `done` is told each system as it is finished.

    Every table has `best`: the single agent that the cards choose in advance.
    """
    coordinator = Coordinator(network)
    solvers = [agent.name for agent in network if "solver" in agent.card.roles]
    proposers = [agent.name for agent in network if "generalist" in agent.card.roles]
    alone = {name: inline(Ask(agent=name)) for name in solvers}
    best = {"best": find_protocol("best")}
    verified = {f"{name} + critic": inline(Verify(proposer=Ask(agent=name))) for name in proposers}
    compound = {**alone, **best, "delegation": find_protocol("delegation")}
    math = {**{name: alone[name] for name in proposers}, **best, **verified}
    return [
        *await compare(coordinator, "compound", compound, {"delegation": solvers}, items, done),
        *await compare(coordinator, "math", math, {f"{name} + critic": [name] for name in proposers}, items, done),
    ]
