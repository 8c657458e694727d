"""Wilson's interval, as cards and reports give it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from agentnet.contracts.intervals import wilson


def test_eight_in_ten() -> None:
    """Newcombe (Statistics in Medicine 17, 1998) gives such values with three digits."""
    found = wilson(0.8, 10)
    assert (found.estimate, round(found.low, 3), round(found.high, 3)) == (0.8, 0.490, 0.943)


@given(st.integers(1, 5000), st.data())
def test_it_is_the_interval_of_statsmodels(trials: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, trials))
    low, high = proportion_confint(right, trials, method="wilson")
    found = wilson(right / trials, trials)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-12)
    assert 0 <= found.low <= found.estimate <= found.high <= 1


@pytest.mark.parametrize(("share", "trials"), [(0.5, 0), (1.1, 3), (-0.1, 3), (math.nan, 3), (0.5, math.nan)])
def test_what_is_no_share_is_refused(share: float, trials: float) -> None:
    with pytest.raises(ValueError, match="share"):
        wilson(share, trials)
