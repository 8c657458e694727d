"""UniTE: the union of the members' likeliest tokens (Yao et al., Determine-Then-Ensemble, arXiv 2410.03777)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agentnet.fusion.byte_vocabulary import END, Piece
from agentnet.fusion.strategies.base import AsksAll
from agentnet.fusion.views import Choice, View, choose_best

_MISSING = -np.inf


class UniTE(AsksAll):
    """The union of every member's `top` pieces. Each member scores all of it: by its own logit where the piece is one
    of its tokens, else by the logit of the first token with which it would spell the piece. A softmax over the union
    makes the members' scores comparable; the highest weighted mean is said."""

    def __init__(self, *, top: int = 10) -> None:
        self._top = top

    def choose(self, views: Sequence[View]) -> Choice:
        union: list[Piece] = list(dict.fromkeys(candidate.piece for view in views for candidate in view.top(self._top)))
        whole = sum(view.weight for view in views)
        contributions: dict[Piece, dict[str, float]] = {piece: {} for piece in union}
        for view in views:
            logits = np.array([self._logit(view, piece) for piece in union])
            weights = np.exp(logits - logits.max())
            for piece, share in zip(union, weights / weights.sum() * view.weight / whole, strict=True):
                contributions[piece][view.member] = float(share)
        return choose_best({piece: sum(parts.values()) for piece, parts in contributions.items()}, contributions)

    def _logit(self, view: View, piece: Piece) -> float:
        found = view.candidate(piece)
        if found is None and piece is not END:
            found = view.candidate(view.first_piece(piece))
        return found.logit if found is not None else _MISSING
