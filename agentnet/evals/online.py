"""What happens when members are not there: the AI-Model Network's stability experiment (arXiv 2606.27382, figure 6).

Each member is online with some probability. A single model that is offline answers nothing; a network goes on with
those who are there. Every set of members is measured once on the same items, and the curves are the exact expectation
over who is online: nothing is simulated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from agentnet.contracts.protocols import Ask, Fuse, Parallel, ProtocolSpec
from agentnet.coordinator import Coordinator
from agentnet.evals.comparison import answers_of, inline
from agentnet.network import Network
from agentnet.zoo.families import FAMILIES
from agentnet.zoo.families.base import distinct

RATES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
MIXED = ("math", "facts", "reading", "symbols")
SEED = 7

Members = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """The expected share of right answers of one system at each of `RATES`."""

    system: str
    single: bool
    accuracy: tuple[float, ...]


async def online(network: Network, items: int = 300, done: Callable[[str], None] = lambda _: None) -> list[Curve]:
    """Measure the zoo's generalists on items of all families; `done` is told each set of members as it is finished."""
    members = tuple(agent.name for agent in network if "generalist" in agent.card.roles)
    coordinator = Coordinator(network)
    found: dict[tuple[str, Members], float] = {}
    for some in subsets(members):
        for system, protocol in systems_of(some).items():
            found[system, some] = await _accuracy(coordinator, system, protocol, items)
        done(" + ".join(some))
    ranked = sorted(members, key=lambda name: network[name].card.rank(None), reverse=True)
    best = {some: found["alone", (next(name for name in ranked if name in some),)] for some in subsets(members)}
    curves = [Curve(name, True, tuple(rate * found["alone", (name,)] for rate in RATES)) for name in members]
    for system in ("vote", "PI", "GaC"):
        by_set = {some: found["alone" if len(some) == 1 else system, some] for some in subsets(members)}
        curves.append(Curve(system, False, expected(members, by_set)))
    return [*curves, Curve("best of those online", False, expected(members, best))]


def systems_of(members: Members) -> dict[str, ProtocolSpec]:
    """What a set of members can do: alone there is only one way."""
    if len(members) == 1:
        return {"alone": inline(Ask(agent=members[0]))}
    return {
        "vote": inline(Parallel(branches=tuple(Ask(agent=name) for name in members))),
        "PI": inline(Fuse(members=members, strategy="pi")),
        "GaC": inline(Fuse(members=members, strategy="gac")),
    }


def subsets(members: Members) -> Iterator[Members]:
    """Every set of members that is not empty."""
    for size in range(1, len(members) + 1):
        yield from combinations(members, size)


def expected(members: Members, by_set: dict[Members, float], rates: Sequence[float] = RATES) -> tuple[float, ...]:
    """The expected accuracy at each rate, if members are online independently; with nobody there, nothing is right."""
    return tuple(
        sum(
            rate ** len(some) * (1 - rate) ** (len(members) - len(some)) * accuracy for some, accuracy in by_set.items()
        )
        for rate in rates
    )


async def _accuracy(coordinator: Coordinator, system: str, protocol: ProtocolSpec, items: int) -> float:
    found = [item for name in MIXED for item in distinct(FAMILIES[name], "test", SEED, items // len(MIXED))]
    answers = await answers_of(coordinator, system, protocol, found)
    return sum(answers.right) / len(answers.right)
