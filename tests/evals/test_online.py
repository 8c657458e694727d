"""Members that are not always there."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from agentnet.errors import BadInput
from agentnet.evals.online import RATES, Curve, expected, subsets
from agentnet.evals.plots import plot_online
from agentnet.evals.statistics import holm


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


def test_curves_are_drawn(tmp_path: Path) -> None:
    curves = [Curve("one", True, RATES), Curve("together", False, RATES)]
    plot_online(curves, tmp_path / "plot.svg")
    drawn = (tmp_path / "plot.svg").read_text(encoding="utf-8")
    assert drawn.lstrip().startswith("<?xml")
    with pytest.raises(BadInput, match="cannot write the plot"):
        plot_online(curves, tmp_path / "plot.nonsense")


def test_holm_corrects_for_how_many_tests_there_are() -> None:
    # The worked example of the procedure: four tests, in any order.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
