"""The mean of the members' probabilities over the union of their vocabularies, greedily.

With equal weights this is parallel inference (PI) of the AI-Model Network; with the weights of measured cards it is GaC
(Yu et al., Breaking the Ceiling of the LLM Community by Treating Token Generation as a Classification for Ensembling,
arXiv 2406.12585), which maps every vocabulary into one union of them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from agentnet.fusion.pieces import Piece, Pieces
from agentnet.fusion.strategies.base import AsksAll
from agentnet.fusion.views import Choice, View


class Mean(AsksAll):
    """argmax over the union of Σ wₘ Pₘ(piece) / Σ wₘ. A piece that is no token of a member has probability 0 there."""

    def __init__(self) -> None:
        self._unions: dict[tuple[int, ...], _Union] = {}

    def choose(self, views: Sequence[View]) -> Choice:
        union = self._union([view.pieces for view in views])
        whole = sum(view.weight for view in views)
        parts = [union.spread(place, np.exp(view.logprobs) * (view.weight / whole)) for place, view in enumerate(views)]
        scores = np.sum(parts, axis=0)
        best = int(scores.argmax())
        others = scores.copy()
        others[best] = -1.0
        second = int(others.argmax())
        return Choice(
            piece=union.pieces[best],
            score=float(scores[best]),
            shares={view.member: float(part[best]) for view, part in zip(views, parts, strict=True)},
            runner_up=union.pieces[second],
            runner_up_score=float(scores[second]),
        )

    def _union(self, vocabularies: list[Pieces]) -> _Union:
        """Made once for each set of members that take part; those of a server change with every piece."""
        key = tuple(map(id, vocabularies))
        found = self._unions.get(key)
        if found is None:
            if len(self._unions) > len(vocabularies) + 8:
                self._unions.clear()
            found = self._unions[key] = _Union(vocabularies)
        return found


class _Union:
    """The union of some vocabularies, and the place of each of their pieces in it."""

    def __init__(self, vocabularies: Sequence[Pieces]) -> None:
        self._kept = tuple(vocabularies)  # an id is only theirs as long as they live
        self.pieces: list[Piece] = list(vocabularies[0].pieces)
        self._same = all(other.same_as(vocabularies[0]) for other in vocabularies[1:])
        self._maps: list[Any] = []
        if self._same:
            return
        places: dict[Piece, int] = {piece: place for place, piece in enumerate(self.pieces)}
        for vocabulary in vocabularies:
            for piece in vocabulary.pieces:
                if piece not in places:
                    places[piece] = len(self.pieces)
                    self.pieces.append(piece)
            self._maps.append(np.array([places[piece] for piece in vocabulary.pieces], np.int64))

    def spread(self, member: int, values: Any) -> Any:
        """One member's values, by the places of the union."""
        if self._same:
            return values
        found = np.zeros(len(self.pieces))
        found[self._maps[member]] = values
        return found
