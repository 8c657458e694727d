"""The intervals against published values, and their coverage by simulation."""

from __future__ import annotations

import math
import random

import pytest

from agentnet.evals.statistics import mcnemar, paired_difference, share


def test_the_wilson_interval_of_eight_in_ten() -> None:
    found = share(8, 10)
    assert (round(found.low, 3), round(found.high, 3)) == (0.490, 0.943)


def test_shares_at_the_ends_stay_within_zero_and_one() -> None:
    assert share(0, 20).low == 0.0
    assert share(20, 20).high == 1.0
    with pytest.raises(ValueError, match="no items"):
        share(0, 0)


def test_the_exact_p_value_is_that_of_a_fair_coin() -> None:
    system = [True] * 10 + [False] * 2 + [True] * 5
    rival = [False] * 10 + [True] * 2 + [True] * 5
    assert mcnemar(system, rival) == pytest.approx(2 * (1 + 12 + 66) / 2**12)
    assert mcnemar([True, False], [True, False]) == 1.0


def test_the_paired_interval_follows_the_adjusted_table() -> None:
    """By hand: 100 items, 15 gained, 5 lost; cells 15.5 and 5.5 of 102."""
    system = [True] * 15 + [False] * 5 + [True] * 80
    rival = [False] * 15 + [True] * 5 + [True] * 80
    found = paired_difference(system, rival)
    half = 1.96 * math.sqrt(21 - 100 / 102) / 102
    assert found.estimate == pytest.approx(0.10)
    assert found.low == pytest.approx(10 / 102 - half, abs=1e-4)
    assert found.high == pytest.approx(10 / 102 + half, abs=1e-4)


def test_the_paired_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = random.Random(1)
    gained, lost, trials = 0.15, 0.08, 1500
    covered = 0
    for _ in range(trials):
        draws = [rng.random() for _ in range(200)]
        system = [draw < gained or draw > 0.6 for draw in draws]
        rival = [gained <= draw < gained + lost or draw > 0.6 for draw in draws]
        found = paired_difference(system, rival)
        covered += found.low <= gained - lost <= found.high
    assert 0.93 < covered / trials < 0.985


def test_different_items_are_not_compared() -> None:
    with pytest.raises(ValueError, match="same items"):
        paired_difference([True], [True, False])
