"""The sequential tests of members: passing the floor, expulsion, and drift.

All of them compare likelihoods, and hold however often one looks at them:

* A *likelihood ratio* of an alternative against a hypothesis is a martingale with mean 1 if the hypothesis is true, so
  it ever reaches 1/α with a probability of at most α (Ville's inequality). A mixture of such ratios is one, too. Under
  a composite hypothesis ("at least p0") it is a supermartingale: its factors are monotone in the accuracy.
* *CUSUM* (Page, Biometrika 41, 1954) restarts a ratio whenever it falls below 1. It never exceeds 1 plus the statistic
  of Shiryaev and Roberts, whose excess over the number of answers is a martingale: so the mean number of answers to a
  false alarm at a bound A is at least A - 1 (Pollak, Annals of Statistics 13, 1985).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache

from agentnet.contracts.intervals import incomplete_beta

ALTERNATIVES = ((0.02, 0.5), (0.5, 0.25), (2 / 3, 0.25))
"""What a member is accused of: p1 as a share of p0, and the weight of that alternative: it lies nearly always, it gives
half of what it owes, or two thirds of it."""

MOST_OWED = 0.9
"""No member owes more: a few mistakes must not expel one that was never wrong before."""

NEARLY_ALWAYS = 0.95
"""The accuracy of a newcomer that the test of the floor is quickest to recognise."""

Logs = tuple[float, ...]
"""One logarithm for each of `ALTERNATIVES`."""

NOTHING: Logs = (0.0,) * len(ALTERNATIVES)


def steps(owed: float, right: bool) -> Logs:
    """Return the logarithms by which one answer changes the ratios of "p1" to "at least p0", with p0 `owed`."""
    p0 = min(owed, MOST_OWED)
    return tuple(math.log(share) if right else math.log((1 - share * p0) / (1 - p0)) for share, _ in ALTERNATIVES)


def added(logs: Sequence[float], changes: Sequence[float]) -> Logs:
    """Return ratios after one answer more."""
    return tuple(log + change for log, change in zip(logs or NOTHING, changes, strict=True))


def restarted(logs: Sequence[float], changes: Sequence[float]) -> Logs:
    """Return CUSUMs after one answer more: none falls below 0."""
    return tuple(max(0.0, log) for log in added(logs, changes))


def mixed(logs: Sequence[float]) -> float:
    """Return the logarithm of the weighted mean of ratios, or of CUSUMs: what is compared with a bound."""
    return log_sum(math.log(weight) + log for (_, weight), log in zip(ALTERNATIVES, logs or NOTHING, strict=True))


def accused_of(logs: Sequence[float], owed: float) -> float:
    """Return the p1 of the alternative that fits best, for a p0 `owed`."""
    best = max(range(len(ALTERNATIVES)), key=lambda index: (logs or NOTHING)[index])
    return ALTERNATIVES[best][0] * min(owed, MOST_OWED)


@lru_cache(maxsize=1 << 16)
def above_floor(right: int, wrong: int, floor: float) -> float:
    """Return the logarithm of the evidence that an accuracy is above a floor, against "at most the floor".

    One half of the weight is on `NEARLY_ALWAYS`, the rest is spread evenly from the floor to 1.
    """
    if floor <= 0:
        return math.inf
    if floor >= 1:
        return 0.0
    below = right * math.log(floor) + wrong * math.log1p(-floor)
    high = NEARLY_ALWAYS if floor < NEARLY_ALWAYS else (1 + floor) / 2
    point = right * math.log(high) + wrong * math.log1p(-high)
    tail = 1 - incomplete_beta(floor, right + 1, wrong + 1)
    spread = (
        math.lgamma(right + 1) + math.lgamma(wrong + 1) - math.lgamma(right + wrong + 2)
        + math.log(max(tail, 1e-300)) - math.log1p(-floor)
    )  # fmt: skip
    return log_sum((math.log(0.5) + point, math.log(0.5) + spread)) - below


def below_floor(right: int, wrong: int, floor: float) -> float:
    """Return the logarithm of the evidence that an accuracy is far below a floor, against "at least the floor"."""
    if not floor > 0:
        return 0.0
    hit, miss = steps(floor, True), steps(floor, False)
    return mixed([right * up + wrong * down for up, down in zip(hit, miss, strict=True)])


def log_sum(logs: Iterable[float]) -> float:
    """Return log(Σ exp(log)), without overflow."""
    values = list(logs)
    top = max(values)
    return top + math.log(math.fsum(math.exp(value - top) for value in values))
