"""The sequential tests: what they promise holds for every member that gives what it owes."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentnet.contracts.intervals import beta_lower, incomplete_beta
from agentnet.profiles import sequential


@given(st.floats(0.02, 0.9), st.floats(0, 1))
def test_a_ratio_is_a_supermartingale_for_all_that_give_what_they_owe(owed: float, more: float) -> None:
    accuracy = owed + more * (1 - owed)
    hit, miss = sequential.steps(owed, True), sequential.steps(owed, False)
    for up, down in zip(hit, miss, strict=True):
        expected = accuracy * math.exp(up) + (1 - accuracy) * math.exp(down)
        assert expected <= 1 + 1e-9
        if accuracy == owed:
            assert expected == pytest.approx(1)


@given(st.floats(0.01, 0.99), st.integers(1, 12))
def test_the_evidence_for_the_floor_has_mean_one_at_the_floor(floor: float, items: int) -> None:
    mean = math.fsum(
        math.comb(items, right)
        * floor**right
        * (1 - floor) ** (items - right)
        * math.exp(sequential.above_floor(right, items - right, floor))
        for right in range(items + 1)
    )
    assert mean == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize(("floor", "rights"), [(0.2, 3), (0.5, 6), (0.7, 11)])
def test_so_many_right_answers_in_a_row_pass_a_floor(floor: float, rights: int) -> None:
    bound = math.log(1 / 0.05)
    assert sequential.above_floor(rights - 1, 0, floor) < bound <= sequential.above_floor(rights, 0, floor)


def test_edges_of_the_floor() -> None:
    assert sequential.above_floor(0, 5, 0.0) == math.inf
    assert sequential.above_floor(5, 0, 1.0) == 0.0
    assert sequential.below_floor(0, 50, 0.0) == 0.0


@pytest.mark.parametrize(("owed", "wrong"), [(0.9, 4), (0.75, 6), (0.6, 9), (0.41, 15)])
def test_so_many_wrong_answers_in_a_row_expel(owed: float, wrong: int) -> None:
    logs: sequential.Logs = ()
    for answers in range(1, wrong + 1):
        logs = sequential.added(logs, sequential.steps(owed, False))
        assert (sequential.mixed(logs) >= math.log(1000)) is (answers == wrong)
    assert sequential.accused_of(logs, owed) == pytest.approx(0.02 * owed)


def test_a_turncoat_is_noticed_by_cusum_long_before_the_ratio_from_the_start() -> None:
    draw = random.Random(1)
    ratios: sequential.Logs = ()
    sums: sequential.Logs = ()
    for _ in range(500):
        step = sequential.steps(0.75, draw.random() < 0.8)
        ratios, sums = sequential.added(ratios, step), sequential.restarted(sums, step)
    lies = 0
    while sequential.mixed(sums) < math.log(1e6):
        step = sequential.steps(0.75, False)
        ratios, sums, lies = sequential.added(ratios, step), sequential.restarted(sums, step), lies + 1
    assert lies <= 12
    assert sequential.mixed(ratios) < 0


@given(st.floats(0.001, 0.999), st.floats(0.5, 300), st.floats(0.5, 300))
def test_the_incomplete_beta_function_is_that_of_scipy(x: float, a: float, b: float) -> None:
    stats = pytest.importorskip("scipy.stats")
    assert incomplete_beta(x, a, b) == pytest.approx(stats.beta.cdf(x, a, b), abs=1e-9)


@pytest.mark.parametrize(("right", "wrong"), [(0, 0), (6, 0), (90, 10), (0.5, 2.25), (4000, 12)])
def test_the_bound_of_an_accuracy_is_the_quantile_of_its_posterior(right: float, wrong: float) -> None:
    stats = pytest.importorskip("scipy.stats")
    assert beta_lower(right, wrong) == pytest.approx(stats.beta.ppf(0.05, 1 + right, 1 + wrong), abs=1e-6)
