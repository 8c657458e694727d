"""95 % intervals of a share and of a paired difference of shares, of independent trials or of clusters of them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from agentnet.contracts.intervals import Z95, Interval, wilson
from agentnet.evals.statistics.clusters import codes_of, effective, scores_of


def share(right: int, items: int) -> Interval:
    """A proportion of independent items with its Wilson score interval (JASA 22, 1927).

    Raises `ValueError` where there are no items, or more right ones than items.
    """
    if items == 0:
        raise ValueError("a share of no items")
    if not 0 <= right <= items:
        raise ValueError(f"{right} right of {items} items")
    return wilson(right / items, items)


def clustered_share(scores: Sequence[float], clusters: Sequence[Hashable]) -> Interval:
    """The mean score of trials that come in clusters: several epochs of an item, several questions on a passage.

    `scores` are from 0 to 1, whole or in parts; `clusters` names the cluster of each. Shape of both: [trials].
    The interval is Wilson's for the effective number of trials (`clusters.effective`), as for surveys: it stays within
    0 and 1, and has a width where every trial is right. One cluster is worth one trial, and no trial is worth more than
    one: an interval is never narrower than that of `share`, to which it is equal where each trial is a cluster of its
    own and right or wrong. So give the trials as they are, not the means of an item's epochs.
    Raises `ValueError` where a score is out of range or has no cluster.
    """
    values = scores_of(scores, clusters)
    mean = float(values.mean())
    return wilson(mean, effective(values, codes_of(clusters), mean * (1 - mean)))


def paired_difference(system: Sequence[bool], rival: Sequence[bool]) -> Interval:
    """Share right of `system` minus that of `rival` on the same independent items. Shape of both: [items].

    The interval is Agresti and Min's adjusted Wald interval for matched pairs (Statistics in Medicine 24, 2005): half
    an item is added to each cell of the two-by-two table. Raises `ValueError` where the items are not the same.
    """
    difference = _difference(system, rival)
    return _agresti_min(difference, len(difference))


def clustered_paired_difference(
    system: Sequence[float], rival: Sequence[float], clusters: Sequence[Hashable]
) -> Interval:
    """Mean score of `system` minus that of `rival` on the same trials, which come in clusters. Shape of all: [trials].

    Agresti and Min's interval for the effective number of trials, whose differences are distributed as those observed:
    it has a width where none was observed. Equal to `paired_difference` where each trial is a cluster of its own and
    right or wrong. Raises `ValueError` where a score is outside [0, 1] or the trials are not the same.
    """
    difference = _difference(scores_of(system, clusters), scores_of(rival, clusters))
    return _agresti_min(difference, effective(difference, codes_of(clusters), float(difference.var())))


def _difference(system: Sequence[float] | np.ndarray, rival: Sequence[float] | np.ndarray) -> np.ndarray:
    if len(system) != len(rival) or not len(system):
        raise ValueError("a paired difference needs the same items on both sides, at least one")
    return np.asarray(system, dtype=np.float64) - np.asarray(rival, dtype=np.float64)


def _agresti_min(difference: np.ndarray, trials: float) -> Interval:
    """The interval for `trials` that differ in mean and mean square as those in `difference` do."""
    estimate = float(difference.mean())
    more, differing, adjusted = estimate * trials, float(np.square(difference).mean()) * trials + 1, trials + 2
    half = Z95 * float(np.sqrt(differing - more**2 / adjusted)) / adjusted
    return Interval(estimate, max(-1.0, more / adjusted - half), min(1.0, more / adjusted + half))
