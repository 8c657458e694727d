"""Consensus only where it is needed: one member leads, the others are asked where it is unsure.

Most pieces of a text are not in doubt. The gate asks the leader first and lets any other strategy decide the rest, so
that the others' work is spent where it may change something.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from agentnet.fusion.strategies.base import Strategy
from agentnet.fusion.views import Choice, View


class Gated:
    """The first member's likeliest piece where its probability reaches `sure`; else what `inner` chooses of all."""

    leads = True

    def __init__(self, inner: Strategy, *, sure: float = 0.9) -> None:
        self._inner, self._sure = inner, sure

    def enough(self, leader: View) -> bool:
        return math.exp(leader.likeliest.logprob) >= self._sure

    def choose(self, views: Sequence[View]) -> Choice:
        leader = views[0]
        if len(views) > 1 or not self.enough(leader):
            return self._inner.choose(views)
        best, *others = leader.top(2)
        score = math.exp(best.logprob)
        return Choice(
            piece=best.piece,
            score=score,
            shares={leader.member: score},
            runner_up=others[0].piece if others else None,
            runner_up_score=math.exp(others[0].logprob) if others else None,
        )
