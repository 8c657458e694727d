"""Trials that come in clusters – epochs of one item, questions on one passage – and how many they are worth."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from agentnet.evals.statistics.libraries import library

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

DOUBT = 0.25
"""How much of a cluster that errs as one is imagined beside those observed, when their correlation is estimated."""


def codes_of(clusters: Sequence[Hashable]) -> Codes:
    """The cluster of each trial as a number, from 0 in the order of appearance. Shape: [trials]."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(cluster, len(numbers)) for cluster in clusters], dtype=np.intp)


def scores_of(values: Sequence[float], clusters: Sequence[Hashable]) -> Floats:
    """Scores as an array of shape [trials].

    Raises `ValueError` where there is none, where one is outside [0, 1], or where not each has its cluster.
    """
    scores = np.asarray(values, dtype=np.float64)
    if scores.ndim != 1 or not scores.size or scores.size != len(clusters):
        raise ValueError("scores need a cluster each, and there must be at least one")
    if not ((scores >= 0) & (scores <= 1)).all():
        raise ValueError("a score is from 0 to 1")
    return scores


def effective(values: Floats, codes: Codes, variance: float) -> float:
    """How many independent trials of a `variance` have a mean as certain as that of these.

    The cluster-robust variance of the mean (Miller, arXiv 2411.00640, on clustered standard errors) over that of
    independent trials is the design effect, and the trials divided by it are the effective ones. Fewer clusters say
    less about the variance between them: the size is reduced by the squared ratio of the two quantiles of Student's t
    (Korn and Graubard, Survey Methodology 24, 1998). Where hardly a trial errs there is nothing to estimate a
    correlation from, and the plain estimate covers too little (Franco, Little, Louis and Slud, Journal of Survey
    Statistics and Methodology 7, 2019): so `DOUBT` of a cluster that errs as one is added.

    The result is never more than the trials, and never less than as many clusters of equal size as would weigh the
    same (Kish): trials cannot go together more than those that are all the same. With one trial in each cluster and
    scores of 0 and 1 it is the number of trials; where all trials are the same, that of clusters of equal size.
    """
    trials = len(values)
    sizes = np.bincount(codes)
    if len(sizes) == 1:
        return 1.0
    size = float(np.square(sizes).sum()) / trials  # of the cluster of a random trial
    together = _robust_variance(values, codes) * trials**2
    apart = variance * trials**2 / (trials - 1)
    design = (together + DOUBT * size**2) / (apart + DOUBT * size)
    quantile = library("scipy.stats").t.isf
    less_known = quantile(0.025, trials - 1) / quantile(0.025, trials / size - 1)
    return float(np.clip(trials / max(1.0, design) * less_known**2, trials / size, trials))


def _robust_variance(values: Floats, codes: Codes) -> float:
    """The cluster-robust variance of the mean: a regression on a constant."""
    regression = library("statsmodels.regression.linear_model").OLS(values, np.ones(len(values)))
    return float(regression.fit(cov_type="cluster", cov_kwds={"groups": codes}).cov_params()[0, 0])
