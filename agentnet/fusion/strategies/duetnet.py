"""DuetNet: joint truncation, then the sum of raw logits over texts (AI-Model Network, arXiv 2606.27382, DuetNet).

Its two published baselines are settings of it: DP sums probabilities instead, DK truncates by number alone.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import Literal

import numpy as np

from agentnet.fusion.byte_vocabulary import Piece
from agentnet.fusion.strategies.base import AsksAll
from agentnet.fusion.views import Choice, View, choice_of

Values = Literal["logits", "probabilities", "logprobs"]

FLOOR = -10.0
"""Log-probability of what did not survive a member's truncation, in the shift-invariant scoring."""


class DuetNet(AsksAll):
    """Each member keeps its `tau_k` likeliest pieces, and of those the fewest that reach a probability of `tau_p`
    together. A piece's score is the sum of the members' values for it; what did not survive counts 0, as published.

    `values` is what is added up. Raw logits are not shift-invariant: adding a constant to one member's logits changes
    nothing it says alone, but may change the choice. ``logprobs`` mends that: log-probabilities, with `FLOOR` for what
    is missing. `top` > 1 draws among the best few (weighed by the exponential of their scores; by the scores themselves
    where they are probabilities) with a generator that advances from step to step.
    """

    def __init__(
        self,
        *,
        tau_k: int = 10,
        tau_p: float | None = 0.75,
        top: int = 1,
        values: Values = "logits",
        seed: int = 0,
    ) -> None:
        self._tau_k, self._tau_p, self._top, self._values = tau_k, tau_p, top, values
        self._random = random.Random(seed)

    def choose(self, views: Sequence[View]) -> Choice:
        kept = {view.member: self._truncated(view) for view in views}
        union: dict[Piece, None] = {piece: None for values in kept.values() for piece in values}
        missing = FLOOR if self._values == "logprobs" else 0.0
        contributions = {
            piece: {
                view.member: view.weight * kept[view.member].get(piece, missing)
                for view in views
                if piece in kept[view.member] or missing
            }
            for piece in union
        }
        scores = {piece: float(sum(parts.values())) for piece, parts in contributions.items()}
        ranked = sorted(scores, key=lambda piece: -scores[piece])
        backed = {
            piece: {member: value for member, value in parts.items() if piece in kept[member]}
            for piece, parts in contributions.items()
        }
        return choice_of(ranked, self._draw(ranked, scores), scores, backed)

    def _truncated(self, view: View) -> dict[Piece, float]:
        """Return the pieces that survive in one member, with their values."""
        kept = view.top(self._tau_k)
        if self._tau_p is not None:
            reached = list(accumulate(math.exp(candidate.logprob) for candidate in kept))
            kept = kept[: bisect_left(reached, self._tau_p - 1e-12) + 1]
        match self._values:
            case "logits":
                return {candidate.piece: candidate.logit for candidate in kept}
            case "logprobs":
                return {candidate.piece: candidate.logprob for candidate in kept}
            case "probabilities":
                return {candidate.piece: math.exp(candidate.logprob) for candidate in kept}

    def _draw(self, ranked: Sequence[Piece], scores: dict[Piece, float]) -> int:
        """Return the rank of the chosen piece, among the best `top`."""
        count = min(self._top, len(ranked))
        if count == 1:
            return 0
        best = np.array([scores[piece] for piece in ranked[:count]])
        weights = best if self._values == "probabilities" else np.exp(best - best.max())
        return self._random.choices(range(count), weights=list(map(float, weights)))[0]
