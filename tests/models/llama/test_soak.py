"""Mixed requests against an engine that is short of everything; `python -m benchmarks.engine.soak` does it for long."""

from __future__ import annotations

import pytest

from benchmarks.engine.soak import soak


@pytest.mark.slow
async def test_mixed_requests_get_their_own_answers_while_everything_is_scarce() -> None:
    report = await soak(200, 0.5, seed=1)
    assert report.violations == []
    assert report.outcomes["greedy, as alone"] > 80
    assert report.outcomes["given up"] > 2
    assert report.stats.evicted > 50
    assert report.stats.preempted > 0
    assert report.stats.reused_tokens > 500
