"""Bounds that hold for few questions, too."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from agentnet.policy.learning.bounds import NOWHERE, betting_bound, gain_bound, proven

NONE = np.zeros(0)


def outcomes(won: int, lost: int, equal: int) -> np.ndarray:
    return np.array([1.0] * won + [-1.0] * lost + [0.0] * equal)


@pytest.mark.parametrize("alpha", [0.05, 0.01, 0.001])
def test_a_gain_is_proven_exactly_where_the_sign_test_rejects(alpha: float) -> None:
    for won in range(1, 25):
        for lost in range(0, 12):
            rejects = binomtest(won, won + lost, alternative="greater").pvalue <= alpha
            assert (gain_bound(outcomes(won, lost, 50), NONE, alpha) > 0) == rejects, (won, lost)


def test_nothing_is_known_of_no_question() -> None:
    assert gain_bound(NONE, NONE, 0.05) == betting_bound(NONE, NONE, 0.05) == NOWHERE
    assert proven(NONE) == 0.0


def test_one_question_proves_nothing() -> None:
    assert gain_bound(outcomes(1, 0, 0), NONE, 0.05) < 0
    assert betting_bound(outcomes(1, 0, 0), NONE, 0.05) < 0


@pytest.mark.parametrize("plan", [outcomes(0, 0, 0), outcomes(8, 1, 91), outcomes(0, 30, 70)])
def test_a_betting_bound_is_seldom_above_the_mean(plan: np.ndarray) -> None:
    random = np.random.default_rng(3)
    shares = (0.02, 0.05, 0.93)  # won, lost, equal: the mean is -0.03
    wrong = sum(
        betting_bound(random.choice([1.0, -1.0, 0.0], size=60, p=shares), plan, 0.1) > -0.03 for _ in range(400)
    )
    assert wrong <= 40


def test_a_betting_bound_rises_with_the_evidence() -> None:
    few, many = (betting_bound(outcomes(0, 0, count), outcomes(0, 0, count), 0.05) for count in (50, 1000))
    assert -1 < few < many < 0
    assert many > -0.01


def test_a_betting_bound_holds_where_prices_reach_below_minus_one() -> None:
    random = np.random.default_rng(4)
    wrong = 0
    for _ in range(200):
        differences = np.where(random.random(40) < 0.1, -3.0, 0.2)  # the mean is -0.12
        wrong += betting_bound(differences, np.array([-3.0, 0.2]), 0.1) > -0.12
    assert wrong <= 20


def test_more_right_answers_prove_more() -> None:
    assert proven(np.ones(3)) < proven(np.ones(100)) < 1
    assert proven(np.ones(3)) < proven(np.array([1.0] * 90 + [0.0] * 10))
