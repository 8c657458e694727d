"""Tests of two systems on the same trials, and the correction for many of them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from agentnet.evals.statistics.clusters import Floats, codes_of, scores_of
from agentnet.evals.statistics.libraries import library

RESAMPLES = 9_999
"""Sign flips that are tried where there are more possible ones: with 13 clusters that differ, all of them are."""

MORE_RESAMPLES = 99_999
"""Where hardly one of those was as far off: else no p-value could survive the correction for many comparisons."""

BATCH = 2_000
"""Flips that are held in memory at a time."""

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

    Shape of all: [trials]; scores are from 0 to 1. Where each trial is a cluster of its own and right or wrong this is
    McNemar's exact test. Else the sign of each cluster's summed difference is flipped, as if the systems had changed
    places there (Fisher's randomisation test; `scipy.stats.permutation_test`): in every possible way where at most 13
    clusters differ, else in `RESAMPLES` random ones (`MORE_RESAMPLES` where p is small), always the same. Never 0.
    Raises `ValueError` as `clustered_paired_difference` does.
    """
    one, other, codes = scores_of(system, clusters), scores_of(rival, clusters), codes_of(clusters)
    whole = all(bool(np.isin(scores, (0.0, 1.0)).all()) for scores in (one, other))
    if whole and int(codes.max()) + 1 == len(codes):
        return mcnemar(one.astype(bool).tolist(), other.astype(bool).tolist())
    sums: Floats = np.bincount(codes, weights=one - other).astype(np.float64)
    sums = sums[~np.isclose(sums, 0.0)]
    if len(sums) < 2:
        return 1.0  # to flip the only sign is to change nothing but the side
    p = _flipped(sums, RESAMPLES)
    return _flipped(sums, MORE_RESAMPLES) if p < 10 / RESAMPLES else p


def _flipped(sums: Floats, resamples: int) -> float:
    """The p-value of a sum by sign flips: exact where there are no more than `resamples`, else by so many of them."""
    found = library("scipy.stats").permutation_test(
        (sums,),
        np.sum,
        permutation_type="samples",
        n_resamples=resamples,
        batch=BATCH,
        rng=np.random.default_rng(SEED),
    )
    return float(found.pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values of several tests, corrected so that all of them together err with the probability of one.

    Holm's step-down procedure (Scandinavian Journal of Statistics 6, 1979); the order stays.
    """
    if not len(p_values):
        return []
    corrected = library("statsmodels.stats.multitest").multipletests(p_values, method="holm")[1]
    return [float(p) for p in corrected]
