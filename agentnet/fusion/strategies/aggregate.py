"""Strategies that give each piece one score out of the members' probabilities for it, and say the highest, greedily.

The probabilities are aggregated over the union of the members' vocabularies, without going through all of it.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence

from agentnet.fusion.byte_vocabulary import Piece
from agentnet.fusion.strategies.base import AsksAll
from agentnet.fusion.views import Choice, View

FIRST_LOOK = 8
"""Pieces of each member that are looked at first."""
WIDER = 8


class Aggregate(AsksAll):
    """argmax over the union of an aggregate of the members' probabilities. A piece that is no token of a member has
    probability 0 there.

    Only the members' likeliest pieces are looked at, and more of them until these decide: a piece that is among none of
    them has at most the aggregate of the last pieces that were looked at. This is the threshold algorithm (Fagin, Lotem
    and Naor, Optimal Aggregation Algorithms for Middleware, 2003). It is right for every aggregate that does not fall
    where a probability rises. The runner-up is the second best of the pieces that were looked at.
    """

    @abstractmethod
    def aggregate(self, probabilities: Sequence[float], weights: Sequence[float]) -> tuple[float, ...]:
        """Return the score of a piece, then what decides among pieces of one score. `weights` have a sum of 1.

        Shape of both: [members]. No part of it may fall where a probability rises.
        """

    def choose(self, views: Sequence[View]) -> Choice:
        whole = sum(view.weight for view in views)
        weights = [view.weight / whole for view in views]
        look = FIRST_LOOK
        while True:
            tops = [view.top(look) for view in views]
            found: dict[Piece, list[float]] = {}
            for top in tops:
                for candidate in top:
                    if candidate.piece not in found:
                        found[candidate.piece] = [view.probability(candidate.piece) for view in views]
            scores = {piece: self.aggregate(probabilities, weights) for piece, probabilities in found.items()}
            ranked = sorted(scores, key=lambda piece: scores[piece], reverse=True)
            last = [math.exp(top[-1].logprob) if len(top) == look else 0.0 for top in tops]
            if not any(last) or scores[ranked[0]] >= self.aggregate(last, weights):
                return self._choice(ranked, scores, found, weights, views)
            look *= WIDER

    def _choice(
        self,
        ranked: Sequence[Piece],
        scores: dict[Piece, tuple[float, ...]],
        found: dict[Piece, list[float]],
        weights: Sequence[float],
        views: Sequence[View],
    ) -> Choice:
        best, rival = ranked[0], ranked[1] if len(ranked) > 1 else None
        shares = {
            view.member: weight * probability
            for view, weight, probability in zip(views, weights, found[best], strict=True)
        }
        return Choice(
            piece=best,
            score=scores[best][0],
            shares=shares,
            runner_up=rival,
            runner_up_score=scores[ranked[1]][0] if len(ranked) > 1 else None,
        )
