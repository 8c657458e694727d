"""`Interval`, an estimate with its 95 % interval, and Wilson's bounds of a share: cards and reports give both."""

from __future__ import annotations

import math
from dataclasses import dataclass

Z95 = 1.959963984540054
"""The quantile of the standard normal distribution that a two-sided 95 % interval reaches to."""
Z90 = 1.6448536269514722
"""The same for one side: the 95 % quantile."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % interval, in the unit of the estimate: a share in [0, 1], a difference in [-1, 1]."""

    estimate: float
    low: float
    high: float


def wilson(share: float, trials: float) -> Interval:
    """Return a share with its Wilson score interval (JASA 22, 1927), for `trials` that are independent.

    `trials` may be a fraction: an effective number of trials. Raises `ValueError` for a share outside [0, 1], or where
    there is no trial.
    """
    return Interval(share, *_bounds(share, trials, Z95))


def lower_bound(share: float, trials: float) -> float:
    """Return Wilson's one-sided 95 % lower bound of a share: the true share is below it in at most 1 of 20 cases.

    `share` and `trials` as in `wilson`.
    """
    return _bounds(share, trials, Z90)[0]


def _bounds(share: float, trials: float, z: float) -> tuple[float, float]:
    if not trials > 0:
        raise ValueError("a share of no trials")
    if not 0 <= share <= 1:
        raise ValueError(f"a share is from 0 to 1, it is {share}")
    scale = 1 + z**2 / trials
    middle = share + z**2 / (2 * trials)
    half = z * math.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    # Rounding may pass the estimate at 0 and at 1.
    return max(0.0, min((middle - half) / scale, share)), min(1.0, max((middle + half) / scale, share))


def beta_lower(right: float, wrong: float, share: float = 0.05) -> float:
    """Return the quantile of Beta(1 + right, 1 + wrong): the accuracy is below it with the probability `share`.

    The counts may be fractions, since older answers count less. Accurate to 1e-9.
    """
    low, high = 0.0, 1.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        if incomplete_beta(middle, 1 + right, 1 + wrong) < share:
            low = middle
        else:
            high = middle
    return low


def incomplete_beta(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b), by its continued fraction (DLMF 8.17.22, Lentz)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(1 - x, b, a)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)) / a
    numerator, denominator, fraction = 1.0, 0.0, 1.0
    for step in range(10_000):
        half, odd = divmod(step, 2)
        if step == 0:
            term = 1.0
        elif odd:
            term = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        else:
            term = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        denominator = 1 / _not_zero(1 + term * denominator)
        numerator = _not_zero(1 + term / numerator)
        fraction *= numerator * denominator
        if abs(numerator * denominator - 1) < 1e-14:
            break
    return front * (fraction - 1)


def _not_zero(value: float) -> float:
    return value if abs(value) > 1e-300 else 1e-300
