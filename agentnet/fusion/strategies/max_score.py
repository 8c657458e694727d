"""The piece that any one member is surest of: the simplest rule, the surest member leads."""

from __future__ import annotations

import math
from collections.abc import Sequence

from agentnet.fusion.byte_vocabulary import Piece
from agentnet.fusion.strategies.base import AsksAll
from agentnet.fusion.views import Choice, View, choose_best

_CANDIDATES = 2
"""Of each member: the best one, and a runner-up to show."""


class MaxScore(AsksAll):
    """argmax over pieces of the greatest wₘ Pₘ(piece) of any member."""

    def choose(self, views: Sequence[View]) -> Choice:
        contributions: dict[Piece, dict[str, float]] = {}
        for view in views:
            for candidate in view.top(_CANDIDATES):
                share = view.weight * math.exp(candidate.logprob)
                contributions.setdefault(candidate.piece, {})[view.member] = share
        return choose_best({piece: max(parts.values()) for piece, parts in contributions.items()}, contributions)
