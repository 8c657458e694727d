"""Tests of two systems on the same trials, and the correction for many of them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from agentnet.evals.statistics.clusters import Codes, Floats, codes_of, scores_of
from agentnet.evals.statistics.libraries import library

RESAMPLES = 9_999
"""Sign flips that are tried where scores are fractions and there are more possible ones."""

SEED = 7


def mcnemar(system: Sequence[bool], rival: Sequence[bool]) -> float:
    """The exact two-sided p-value of McNemar's test on independent items: 1 where the two never differ.

    Shape of both: [items]. Raises `ValueError` where the items are not the same.
    """
    if len(system) != len(rival):
        raise ValueError("McNemar's test needs the same items on both sides")
    one, other = np.asarray(system, dtype=bool), np.asarray(rival, dtype=bool)
    table = [[int((one & other).sum()), int((one & ~other).sum())], [int((~one & other).sum()), 0]]
    return float(library("statsmodels.stats.contingency_tables").mcnemar(table, exact=True).pvalue)


def clustered_p(system: Sequence[float], rival: Sequence[float], clusters: Sequence[Hashable]) -> float:
    """The two-sided p-value of no difference between two systems on the same trials, which come in clusters.

    Shape of all: [trials]; scores are from 0 to 1. The sign of each cluster's summed difference is flipped, as if the
    systems had changed places there (Fisher's randomisation test). Of answers that are right or wrong, every way to
    flip counts: where each trial is a cluster of its own, that is McNemar's exact test. Of fractions, `RESAMPLES`
    random ways count, always the same (`scipy.stats.permutation_test`). Never 0. Raises `ValueError` as
    `clustered_paired_difference` does.
    """
    one, other, codes = scores_of(system, clusters), scores_of(rival, clusters), codes_of(clusters)
    sums: Floats = np.bincount(codes, weights=one - other).astype(np.float64)
    if len(sums) == len(codes) and np.isin(sums, (-1.0, 0.0, 1.0)).all():
        return mcnemar((one >= other).tolist(), (other >= one).tolist())
    sums = sums[~np.isclose(sums, 0.0)]
    if len(sums) < 2:
        return 1.0  # to flip the only sign is to change nothing but the side
    if np.isclose(sums, np.rint(sums)).all():
        return _every_way(np.rint(sums).astype(int))
    found = library("scipy.stats").permutation_test(
        (sums,), np.sum, permutation_type="samples", n_resamples=RESAMPLES, rng=np.random.default_rng(SEED)
    )
    return float(found.pvalue)


def _every_way(sums: Codes) -> float:
    """The share of all ways to flip the signs of whole numbers whose sum is as far from 0 as the one found."""
    chances = np.ones(1)  # of each sum from the least to the greatest, in steps of 2
    for size in np.abs(sums):
        step = np.zeros(size + 1)
        step[[0, -1]] = 0.5
        chances = np.convolve(chances, step)
    reached = np.arange(-np.abs(sums).sum(), np.abs(sums).sum() + 1, 2)
    return float(min(1.0, chances[np.abs(reached) >= abs(sums.sum())].sum()))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values of several tests, corrected so that all of them together err with the probability of one.

    Holm's step-down procedure (Scandinavian Journal of Statistics 6, 1979); the order stays.
    """
    if not len(p_values):
        return []
    corrected = library("statsmodels.stats.multitest").multipletests(p_values, method="holm")[1]
    return [float(p) for p in corrected]
