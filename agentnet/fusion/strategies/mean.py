"""The mean of the members' probabilities over the union of their vocabularies, greedily.

With equal weights this is parallel inference (PI) of the AI-Model Network; with the weights of measured cards it is GaC
(Yu et al., Breaking the Ceiling of the LLM Community by Treating Token Generation as a Classification for Ensembling,
arXiv 2406.12585), which maps every vocabulary into one union of them all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from agentnet.fusion.byte_vocabulary import Piece
from agentnet.fusion.strategies.base import AsksAll
from agentnet.fusion.views import Choice, View, choose_best

FIRST_LOOK = 4
"""Pieces of each member that are looked at first."""
WIDER = 8


class Mean(AsksAll):
    """argmax over the union of Σ wₘ Pₘ(piece) / Σ wₘ. A piece that is no token of a member has probability 0 there.

    Only the members' likeliest pieces are looked at, and more of them until these decide: a piece that is among none of
    them has a score of at most Σ wₘ Pₘ(the last piece that was looked at). This is the threshold algorithm (Fagin,
    Lotem and Naor, Optimal Aggregation Algorithms for Middleware, 2003), for the best piece and the second best.
    """

    def choose(self, views: Sequence[View]) -> Choice:
        whole = sum(view.weight for view in views)
        look = FIRST_LOOK
        while True:
            tops = [view.top(look) for view in views]
            contributions: dict[Piece, dict[str, float]] = {candidate.piece: {} for top in tops for candidate in top}
            for piece, shares in contributions.items():
                for view in views:
                    shares[view.member] = view.probability(piece) * view.weight / whole
            unseen = sum(
                math.exp(top[-1].logprob) * view.weight / whole
                for view, top in zip(views, tops, strict=True)
                if len(top) == look
            )
            choice = choose_best(
                {piece: sum(shares.values()) for piece, shares in contributions.items()}, contributions
            )
            if not unseen or (choice.runner_up_score or 0.0) >= unseen:
                return choice
            look *= WIDER
