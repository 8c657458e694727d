"""Intervals and tests against published values, and what they promise, by simulation."""

from __future__ import annotations

import gc
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binomtest

from agentnet.errors import BadInput
from agentnet.evals.statistics import (
    Interval,
    clustered_p,
    clustered_paired_difference,
    clustered_share,
    holm,
    mcnemar,
    paired_difference,
    phi,
    share,
)

T = TypeVar("T")
Answers = NDArray[np.bool_]

SHARES = (0.5, 0.8, 0.95)
DRAWS = 600
TENTHS = st.integers(0, 10).map(lambda tenth: tenth / 10)
TRIALS = st.lists(st.tuples(TENTHS, TENTHS, st.integers(0, 4)), min_size=1, max_size=30)
ITEMS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)


@pytest.fixture(autouse=True, scope="module")
def _quick_collections() -> Iterator[None]:
    """statsmodels collects garbage in each correction, which takes long where as much is loaded as in these tests."""
    gc.freeze()
    yield
    gc.unfreeze()


def answers(draw: np.random.Generator, right: float, clusters: int, size: int, together: float) -> Answers:
    """Answers of shape [draws, clusters × size]; two of one cluster correlate by `together` (beta-binomial)."""
    shares: NDArray[np.float64] = np.full((DRAWS, clusters, 1), right)
    if together:
        weight = 1 / together - 1
        shares = draw.beta(right * weight, (1 - right) * weight, shares.shape)
    return (draw.random((DRAWS, clusters, size)) < shares).reshape(DRAWS, -1)


def pairs(
    draw: np.random.Generator, right: float, clusters: int, size: int, together: float
) -> tuple[Answers, Answers]:
    """A system and a rival that answers as it does in half of the clusters, and else is right on 0.8 of its share."""
    system, rival = (answers(draw, share, clusters, size, together) for share in (right, right * 0.8))
    as_system = np.repeat(draw.random((DRAWS, clusters)) < 0.5, size, axis=1)
    return system, np.where(as_system, system, rival)


def covered(intervals: list[Interval], truth: float) -> float:
    return sum(found.low <= truth <= found.high for found in intervals) / len(intervals)


def groups(clusters: int, size: int) -> list[int]:
    return np.repeat(np.arange(clusters), size).tolist()


# --- Known values ---------------------------------------------------------------------------------------------------


def test_the_wilson_interval_of_eight_in_ten() -> None:
    found = share(8, 10)
    assert (round(found.low, 3), round(found.high, 3)) == (0.490, 0.943)


def test_shares_at_the_ends_stay_within_zero_and_one() -> None:
    assert share(0, 20).low == 0.0
    assert share(20, 20).high == 1.0
    with pytest.raises(ValueError, match="no items"):
        share(0, 0)
    with pytest.raises(ValueError, match="21 right of 20"):
        share(21, 20)


def test_the_paired_interval_follows_the_adjusted_table() -> None:
    """By hand: 100 items, 15 gained, 5 lost; cells 15.5 and 5.5 of 102."""
    system = [True] * 15 + [False] * 5 + [True] * 80
    rival = [False] * 15 + [True] * 5 + [True] * 80
    found = paired_difference(system, rival)
    half = 1.96 * math.sqrt(21 - 100 / 102) / 102
    assert found.estimate == pytest.approx(0.10)
    assert found.low == pytest.approx(10 / 102 - half, abs=1e-4)
    assert found.high == pytest.approx(10 / 102 + half, abs=1e-4)


@pytest.mark.parametrize(("gained", "lost"), [(10, 2), (7, 7), (0, 5), (31, 14)])
def test_mcnemars_p_value_is_that_of_a_fair_coin(gained: int, lost: int) -> None:
    system = [True] * gained + [False] * lost + [True, False] * 5
    rival = [False] * gained + [True] * lost + [True, False] * 5
    assert mcnemar(system, rival) == pytest.approx(binomtest(gained, gained + lost).pvalue)
    assert mcnemar([True, False], [True, False]) == 1.0


def test_holm_corrects_in_any_order() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


def test_phi_is_the_correlation_of_errors() -> None:
    """By hand, cells 4, 1, 2 and 3: (4 × 3 - 1 × 2) / √(5 × 5 × 6 × 4)."""
    one = [True] * 5 + [False] * 5
    other = [True] * 4 + [False] * 1 + [True] * 2 + [False] * 3
    assert phi(one, other) == pytest.approx(10 / math.sqrt(600))
    assert phi([not right for right in one], [not right for right in other]) == phi(one, other)
    assert phi(one, one) == pytest.approx(1)
    assert phi(one, [True] * 10) is None


# --- Clusters ------------------------------------------------------------------------------------------------------


@given(ITEMS)
def test_where_each_trial_is_a_cluster_nothing_changes(items: list[tuple[bool, bool]]) -> None:
    system, rival = ([bool(right) for right in side] for side in zip(*items, strict=True))
    alone, names = range(len(items)), [f"item {place}" for place in range(len(items))]
    plain, clustered = share(sum(system), len(system)), clustered_share(system, names)
    assert (clustered.low, clustered.high) == pytest.approx((plain.low, plain.high), abs=1e-9)
    paired, found = paired_difference(system, rival), clustered_paired_difference(system, rival, alone)
    assert (found.low, found.high) == pytest.approx((paired.low, paired.high), abs=1e-9)
    assert clustered_p(system, rival, names) == mcnemar(system, rival)


def test_epochs_that_are_all_the_same_count_once() -> None:
    one_each = [True] * 30 + [False] * 10
    found = clustered_share(np.repeat(one_each, 5), groups(40, 5))
    assert found == share(30, 40)
    gained = clustered_paired_difference(np.repeat(one_each, 5), [False] * 200, groups(40, 5))
    assert gained == paired_difference(one_each, [False] * 40)


def test_all_right_is_worth_as_many_trials_as_there_are_clusters() -> None:
    assert clustered_share([1.0] * 80, groups(20, 4)) == share(20, 20)
    assert clustered_share([1.0] * 80, [0] * 80) == share(1, 1)
    unequal = clustered_share([1.0] * 80, [0] * 61 + [*range(1, 20)])
    assert share(1, 1).low < unequal.low < share(2, 2).low


def test_a_single_error_says_little_of_how_errors_go_together() -> None:
    perfect = clustered_share([1.0] * 200, groups(50, 4))
    blemished = clustered_share([1.0] * 199 + [0.9], groups(50, 4))
    missed = clustered_share([1.0] * 199 + [0.0], groups(50, 4))
    assert missed.low < perfect.low + 0.02 < share(199, 200).low
    assert blemished.low == pytest.approx(perfect.low, abs=0.005)


def test_no_difference_at_all_still_has_a_width() -> None:
    same = [True, False] * 40
    found = clustered_paired_difference(same, same, groups(20, 4))
    assert (found.low, found.high) == (paired_difference([True] * 20, [True] * 20).low, -found.low)
    assert found.low < 0 == found.estimate
    assert clustered_p(same, same, groups(20, 4)) == 1.0


def test_few_clusters_are_flipped_in_every_way_and_many_never_reach_zero() -> None:
    assert clustered_p([1.0] * 24, [0.0] * 24, groups(6, 4)) == pytest.approx(2 / 2**6)
    assert clustered_p([1.0] * 24, [0.0] * 24, [0] * 24) == 1.0
    assert clustered_p([1.0] * 120, [0.0] * 120, groups(60, 2)) == pytest.approx(2 / 2**60)
    assert clustered_p([0.9] * 120, [0.0] * 120, groups(60, 2)) == pytest.approx(2 / 10_000)
    # By hand: sums 3, 2 and -1; of the eight signs, 3 + 2 + 1 and 3 + 2 - 1 go as far, and so do their mirror images.
    assert clustered_p([1, 1, 1, 1, 1, 0], [0, 0, 0, 0, 0, 1], ["a", "a", "a", "b", "b", "c"]) == pytest.approx(4 / 8)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_a_trial_beside_one_on_which_both_are_right_counts_as_in_mcnemars_test(pairs: list[tuple[bool, bool]]) -> None:
    system, rival = zip(*pairs, strict=True)
    doubled = (*range(len(pairs)), *range(len(pairs)))
    both = (True,) * len(pairs)
    assert clustered_p(system + both, rival + both, doubled) == pytest.approx(mcnemar(system, rival))


def test_scores_in_parts_are_compared_in_their_own_measure() -> None:
    draw = np.random.default_rng(3)
    rival = draw.integers(0, 9, 100) / 10
    system = rival + 0.1
    assert clustered_paired_difference(system, rival, range(100)).low > 0.05
    assert clustered_p(system, rival, range(100)) < 0.001


@given(TRIALS)
def test_intervals_hold_their_estimate_and_mirror(trials: list[tuple[float, float, int]]) -> None:
    system, rival, clusters = zip(*trials, strict=True)
    found = clustered_share(system, clusters)
    assert 0 <= found.low <= found.estimate <= found.high <= 1
    wrong = clustered_share([1 - score for score in system], clusters)
    assert (1 - wrong.high, 1 - wrong.low) == pytest.approx((found.low, found.high), abs=1e-9)
    gain, loss = (clustered_paired_difference(*sides, clusters) for sides in ((system, rival), (rival, system)))
    assert -1 <= gain.low <= gain.estimate <= gain.high <= 1
    assert gain.low < gain.high
    assert (-loss.high, -loss.low) == pytest.approx((gain.low, gain.high), abs=1e-9)


@settings(max_examples=30)
@given(TRIALS)
def test_which_of_the_two_comes_first_does_not_matter(trials: list[tuple[float, float, int]]) -> None:
    system, rival, clusters = zip(*trials, strict=True)
    p = clustered_p(system, rival, clusters)
    assert 0 < p <= 1
    assert clustered_p(rival, system, clusters) == pytest.approx(p)


@given(st.lists(st.floats(0, 1), max_size=12))
def test_a_corrected_p_value_is_never_smaller(p_values: list[float]) -> None:
    corrected = holm(p_values)
    assert all(p <= found <= 1 for p, found in zip(p_values, corrected, strict=True))


# --- What is promised, by simulation -------------------------------------------------------------------------------


@pytest.mark.parametrize("items", [100, 300])
@pytest.mark.parametrize("right", SHARES)
def test_a_share_is_covered(right: float, items: int) -> None:
    found = answers(np.random.default_rng(1), right, items, 1, 0).sum(axis=1)
    assert 0.92 < covered([share(int(one), items) for one in found], right) < 0.98


@pytest.mark.parametrize(("clusters", "size"), [(100, 3), (50, 4), (25, 8)])
@pytest.mark.parametrize("right", SHARES)
def test_a_clustered_share_is_covered_and_a_plain_one_is_not(right: float, clusters: int, size: int) -> None:
    found = answers(np.random.default_rng(2), right, clusters, size, 0.5)
    names = groups(clusters, size)
    assert 0.92 < covered([clustered_share(one, names) for one in found], right) < 0.985
    assert covered([share(int(one.sum()), len(one)) for one in found], right) < 0.88


@pytest.mark.parametrize("right", SHARES)
def test_where_clusters_do_not_matter_little_is_lost(right: float) -> None:
    found = answers(np.random.default_rng(3), right, 100, 3, 0)
    intervals = [clustered_share(one, groups(100, 3)) for one in found]
    assert 0.92 < covered(intervals, right) < 0.98
    plain = [share(int(one.sum()), len(one)) for one in found]
    assert _width(intervals) < 1.15 * _width(plain)


@pytest.mark.parametrize("right", SHARES)
def test_a_paired_difference_is_covered(right: float) -> None:
    system, rival = pairs(np.random.default_rng(4), right, 200, 1, 0)
    truth = 0.5 * (right - 0.8 * right)
    assert 0.92 < covered(_each(paired_difference, system, rival), truth) < 0.98


@pytest.mark.parametrize(("clusters", "size"), [(100, 3), (50, 4)])
@pytest.mark.parametrize("right", SHARES)
def test_a_clustered_paired_difference_is_covered_and_a_plain_one_is_not(
    right: float, clusters: int, size: int
) -> None:
    system, rival = pairs(np.random.default_rng(5), right, clusters, size, 0.5)
    truth, names = 0.5 * (right - 0.8 * right), groups(clusters, size)
    found = [clustered_paired_difference(*both, names) for both in zip(system, rival, strict=True)]
    assert 0.92 < covered(found, truth) < 0.98
    assert covered(_each(paired_difference, system, rival), truth) < 0.9


@pytest.mark.parametrize("right", SHARES)
def test_mcnemar_seldom_sees_a_difference_where_there_is_none(right: float) -> None:
    draw = np.random.default_rng(6)
    system, rival = (answers(draw, right, 200, 1, 0) for _ in range(2))
    assert np.mean([p < 0.05 for p in _each(mcnemar, system, rival)]) < 0.06


@pytest.mark.parametrize(("clusters", "size", "draws"), [(12, 8, DRAWS), (50, 3, 200)])
def test_clustered_p_seldom_sees_a_difference_where_there_is_none(clusters: int, size: int, draws: int) -> None:
    draw = np.random.default_rng(7)
    system, rival = (answers(draw, 0.7, clusters, size, 0.5)[:draws] for _ in range(2))
    names = groups(clusters, size)
    found = [clustered_p(*both, names) for both in zip(system, rival, strict=True)]
    slack = 2.6 * math.sqrt(0.05 * 0.95 / draws)
    assert np.mean([p < 0.05 for p in found]) < 0.05 + slack
    assert np.mean([p < 0.05 for p in _each(mcnemar, system, rival)]) > 0.1


def test_a_family_of_ten_seldom_has_a_false_discovery() -> None:
    """Ten systems beside the same rival, all equally good: corrected, 5 % of the tables err at most; else many."""
    draw = np.random.default_rng(8)
    rival = answers(draw, 0.6, 300, 1, 0)[:400]
    tests = [_each(mcnemar, answers(draw, 0.6, 300, 1, 0)[:400], rival) for _ in range(10)]
    tables = list(zip(*tests, strict=True))
    assert np.mean([min(holm(table)) < 0.05 for table in tables]) < 0.05 + 2.6 * math.sqrt(0.05 * 0.95 / 400)
    assert np.mean([min(table) < 0.05 for table in tables]) > 0.15


def _each(measure: Callable[..., T], system: Answers, rival: Answers) -> list[T]:
    return [measure(one, other) for one, other in zip(system, rival, strict=True)]


def _width(intervals: list[Interval]) -> float:
    return sum(found.high - found.low for found in intervals)


# --- What cannot be used -------------------------------------------------------------------------------------------


def test_different_items_are_not_compared() -> None:
    for measure in (paired_difference, mcnemar, phi):
        with pytest.raises(ValueError, match="same items"):
            measure([True], [True, False])
    with pytest.raises(ValueError, match="same items"):
        paired_difference([], [])
    for compare in (clustered_paired_difference, clustered_p):
        with pytest.raises(ValueError, match="a cluster each"):
            compare([1.0, 0.0], [1.0], [0, 1])


@pytest.mark.parametrize("score", [1.5, -0.1, math.nan])
def test_a_score_is_from_zero_to_one(score: float) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        clustered_share([0.5, score], [0, 1])


def test_without_the_extra_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "statsmodels.stats.contingency_tables", None)
    with pytest.raises(BadInput, match=r"agentnet-ai\[eval\]"):
        mcnemar([True], [False])


def test_the_command_line_starts_without_the_statistics_libraries() -> None:
    imports = "import sys, agentnet.cli, agentnet.evals.session, agentnet.evals.report"
    program = f"{imports}; print({{'scipy', 'statsmodels'}} & sys.modules.keys())"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
