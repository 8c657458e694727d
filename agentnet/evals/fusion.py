"""Where does token-level fusion help, and where does it hurt?

Models of different tokenizers and different weak spots, on held-out items of every family: each alone, the one that the
cards choose in advance, votes on whole answers, and every way of decoding together. The rival is the best member chosen
in advance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agentnet.contracts.protocols import Ask, Best, Expression, Fuse, Parallel, ProtocolSpec, Weighted
from agentnet.coordinator import Coordinator
from agentnet.evals.comparison import Row, compare, corrected, inline
from agentnet.network import Network

FAMILIES = ("math", "facts", "reading", "symbols")
BEST = "best member, in advance"


async def fusion(network: Network, items: int = 300, done: Callable[[str], None] = lambda _: None) -> list[Row]:
    """Run every system on every family of an open zoo network; `done` is told each one as it is finished."""
    members = tuple(agent.name for agent in network if "generalist" in agent.card.roles)
    coordinator = Coordinator(network)
    systems = systems_of(members)
    rivals = {name: [BEST] for name in systems if name not in (*members, BEST)}
    rows = [row for family in FAMILIES for row in await compare(coordinator, family, systems, rivals, items, done)]
    return corrected(rows)


def systems_of(members: Sequence[str]) -> dict[str, ProtocolSpec]:
    """What is compared, by name."""
    alone = tuple(Ask(agent=name) for name in members)
    names = tuple(members)
    expressions: dict[str, Expression] = {
        **dict(zip(names, alone, strict=True)),
        BEST: Best(among=alone),
        "vote": Parallel(branches=alone),
        "vote, weighed by cards": Parallel(branches=alone, decide=Weighted()),
        "PI": Fuse(members=names, strategy="pi"),
        "PI, by bytes": Fuse(members=names, strategy="pi", level="bytes"),
        "GaC": Fuse(members=names, strategy="gac"),
        "UniTE": Fuse(members=names, strategy="unite"),
        "DuetNet": Fuse(members=names),
        "DuetNet, log-probabilities": Fuse(members=names, strategy="duetnet-logprobs"),
        "surest": Fuse(members=names, strategy="max"),
    }
    return {name: inline(expression) for name, expression in expressions.items()}
