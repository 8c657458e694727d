"""How sure we are: intervals for a share and for a paired difference of shares."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % interval."""

    estimate: float
    low: float
    high: float


def share(right: int, items: int) -> Interval:
    """A proportion with its Wilson score interval."""
    if items == 0:
        raise ValueError("a share of no items")
    p, z2 = right / items, Z95**2
    centre = (p + z2 / (2 * items)) / (1 + z2 / items)
    half = Z95 * math.sqrt(p * (1 - p) / items + z2 / (4 * items**2)) / (1 + z2 / items)
    return Interval(p, max(0.0, centre - half), min(1.0, centre + half))


def paired_difference(system: Sequence[bool], rival: Sequence[bool]) -> Interval:
    """Share right of `system` minus that of `rival` on the same items, with a 95 % interval.

    The interval is Agresti and Min's adjusted Wald interval for matched pairs (Statistics in Medicine 24, 2005): half
    an item is added to each cell of the two-by-two table.
    """
    if len(system) != len(rival) or not system:
        raise ValueError("a paired difference needs the same items on both sides, at least one")
    items = len(system)
    gained = sum(one and not other for one, other in zip(system, rival, strict=True))
    lost = sum(other and not one for one, other in zip(system, rival, strict=True))
    n, b, c = items + 2, gained + 0.5, lost + 0.5
    centre = (b - c) / n
    half = Z95 * math.sqrt((b + c) - (b - c) ** 2 / n) / n
    return Interval((gained - lost) / items, max(-1.0, centre - half), min(1.0, centre + half))


def mcnemar(system: Sequence[bool], rival: Sequence[bool]) -> float:
    """The exact two-sided p-value of McNemar's test: the binomial test on the items where the two differ."""
    gained = sum(one and not other for one, other in zip(system, rival, strict=True))
    lost = sum(other and not one for one, other in zip(system, rival, strict=True))
    differing = gained + lost
    tail = sum(math.comb(differing, k) for k in range(min(gained, lost) + 1)) / 2**differing
    return min(1.0, 2.0 * float(tail))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values of several tests, corrected so that all of them together err with the probability of one.

    Holm's step-down procedure (Scandinavian Journal of Statistics 6, 1979).
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    found = [1.0] * len(p_values)
    least = 0.0
    for rank, place in enumerate(order):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[place]))
        found[place] = least
    return found


def clustered_share(scores, clusters):  # draft
    return share(round(sum(scores)), len(scores))


def clustered_paired_difference(system, rival, clusters):
    return paired_difference([s >= 0.5 for s in system], [s >= 0.5 for s in rival])


def clustered_p(system, rival, clusters):
    return mcnemar([s >= 0.5 for s in system], [s >= 0.5 for s in rival])


def phi(one, other):
    return None


def quantile(values, q):
    return sorted(values)[min(len(values) - 1, int(q * len(values)))]
