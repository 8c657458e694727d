"""Members that are offline at times."""

from __future__ import annotations

import itertools

import pytest

from agentnet.evals.online import RATES, expected, subsets


def test_the_curve_is_the_expectation_over_who_is_there() -> None:
    members = ("a", "b", "c")
    by_set = {some: 0.2 * len(some) + 0.1 * ("a" in some) for some in subsets(members)}
    for rate, found in zip(RATES, expected(members, by_set), strict=True):
        whole = 0.0
        for there in itertools.product((False, True), repeat=3):
            some = tuple(name for name, here in zip(members, there, strict=True) if here)
            chance = 1.0
            for here in there:
                chance *= rate if here else 1 - rate
            whole += chance * by_set.get(some, 0.0)
        assert found == pytest.approx(whole)


def test_who_is_always_there_is_as_good_as_measured() -> None:
    assert expected(("a", "b"), {("a",): 0.5, ("b",): 0.6, ("a", "b"): 0.9})[0] == pytest.approx(0.9)
    assert len(list(subsets(("a", "b", "c")))) == 7
