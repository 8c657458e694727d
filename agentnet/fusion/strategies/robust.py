"""Aggregates that a few lying members cannot move: the median and the trimmed mean of the members' probabilities.

Coordinate-wise median and trimmed mean are the robust estimators of distributed learning (Yin et al., Byzantine-Robust
Distributed Learning, arXiv 1803.01498). They need members that mean the same outcome by the same piece: honest models
spread their probability over different tokens for one text, so use them over bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, median

from agentnet.fusion.strategies.aggregate import Aggregate


class Median(Aggregate):
    """argmax of the median of the members' probabilities: it holds while fewer than half of the members lie.

    All members count alike. Where the medians are equal (they are 0 where no two members agree), the trimmed mean
    decides.
    """

    def aggregate(self, probabilities: Sequence[float], weights: Sequence[float]) -> tuple[float, ...]:
        return median(probabilities), trimmed_mean(probabilities)


class Trimmed(Aggregate):
    """argmax of the mean of the members' probabilities without the greatest and the least: it holds against one liar.

    All members count alike.
    """

    def aggregate(self, probabilities: Sequence[float], weights: Sequence[float]) -> tuple[float, ...]:
        return (trimmed_mean(probabilities),)


def trimmed_mean(values: Sequence[float]) -> float:
    """Return the mean without the greatest and the least value; of two values or one, the plain mean."""
    return fmean(sorted(values)[1:-1] if len(values) > 2 else values)
