from __future__ import annotations

import numpy as np

from agentnet.contracts.policies import Exchange
from agentnet.policy.learning.evidence import Evidence, Row
from agentnet.policy.learning.splitting import PROPOSE, median, splits


def test_no_cluster_proposes_and_tests() -> None:
    rows = [Row("ann", f"q{n}", "ab"[n % 2], f"passage{n // 4}", 1.0) for n in range(200)]
    evidence = Evidence.of(rows, ["ann"], Exchange())
    for split in splits(evidence, 0):
        assert not set(evidence.clusters[split.proposes]) & set(evidence.clusters[split.tests])
        tested = evidence.clusters[split.tests]
        assert sorted(tested) == sorted(set(evidence.clusters[~split.proposes]))


def test_each_label_is_on_both_sides() -> None:
    rows = [Row("ann", f"{label}{n}", label, f"{label}{n}", 1.0) for label in "abc" for n in range(10)]
    evidence = Evidence.of(rows, ["ann"], Exchange())
    for split in splits(evidence, 0):
        for label in "abc":
            assert (evidence.of_label(label) & split.proposes).sum() == round(10 * PROPOSE)


def test_splits_of_a_seed_are_the_same() -> None:
    evidence = Evidence.of([Row("ann", str(n), "a", str(n), 1.0) for n in range(30)], ["ann"], Exchange())
    one, same, other = ([split.tests for split in splits(evidence, seed)] for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_half_of_the_splits_reach_the_median() -> None:
    assert median([3.0, 1.0, 2.0]) == 2.0
    assert median([4.0, 1.0, 2.0, 3.0]) == 3.0
    assert median([1.0, -np.inf]) == 1.0
    assert median([1.0, -np.inf, -np.inf]) == -np.inf
