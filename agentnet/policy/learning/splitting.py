"""Splits of the calibration questions: some propose a candidate, the others test it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from agentnet.policy.learning.evidence import Evidence, Mask

SPLITS = 50
PROPOSE = 1 / 3
"""Share of the clusters of each label that propose."""


@dataclass(frozen=True)
class Split:
    """Which items propose, and which test. Shape of both: [items].

    No cluster is in both. Of a cluster one item tests, drawn by chance, so that tests are independent.
    """

    proposes: Mask
    tests: Mask


def splits(evidence: Evidence, seed: int) -> Iterator[Split]:
    """Yield `SPLITS` random splits, each with `PROPOSE` of the clusters of every label on the proposing side.

    A cluster belongs to the label of its first item.
    """
    random = np.random.default_rng(seed)
    clusters, first = np.unique(evidence.clusters, return_index=True)
    labels = evidence.labels[first]
    for _ in range(SPLITS):
        proposes = np.zeros(len(clusters), dtype=np.bool_)
        for label in dict.fromkeys(labels.tolist()):
            own = random.permutation(np.flatnonzero(labels == label))
            proposes[own[: round(PROPOSE * len(own))]] = True
        mask = proposes[np.searchsorted(clusters, evidence.clusters)]
        order = random.permutation(evidence.items)
        _, drawn = np.unique(evidence.clusters[order], return_index=True)
        once = np.zeros(evidence.items, dtype=np.bool_)
        once[order[drawn]] = True
        yield Split(mask, once & ~mask)


def median(bounds: Sequence[float]) -> float:
    """Return the bound that at least half of the splits reach.

    Where each split's bounds are wrong with probability alpha/2 at most, all of them together, this one is wrong with
    probability alpha at most, however the splits depend on each other: by Markov's inequality, half of them are seldom
    wrong (Meinshausen, Meier and Bühlmann, JASA 104, 2009, for p-values).
    """
    return sorted(bounds, reverse=True)[(len(bounds) + 1) // 2 - 1]
