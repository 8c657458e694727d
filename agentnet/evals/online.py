"""Accuracy when members are offline: the AI-Model Network's stability experiment (arXiv 2606.27382, figure 6).

Each member is online with some probability. A single model that is offline answers nothing; a network answers with the
members that are online. Every set of members is measured once on the same items, and the curves are the exact
expectation over these sets: nothing is simulated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

RATES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)

Members = tuple[str, ...]


def subsets(members: Sequence[str]) -> Iterator[Members]:
    """Yield every set of members that is not empty, the smallest first."""
    for size in range(1, len(members) + 1):
        yield from combinations(members, size)


def expected(members: Members, by_set: dict[Members, float], rates: Sequence[float] = RATES) -> tuple[float, ...]:
    """Return the expected accuracy at each rate, if members are online independently.

    `by_set` maps each set of members to its accuracy. With no member online, nothing is right.
    """
    return tuple(
        sum(
            rate ** len(online) * (1 - rate) ** (len(members) - len(online)) * accuracy
            for online, accuracy in by_set.items()
        )
        for rate in rates
    )
