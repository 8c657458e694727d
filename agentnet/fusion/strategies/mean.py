"""The mean of the members' probabilities over the union of their vocabularies, greedily.

With equal weights this is parallel inference (PI) of the AI-Model Network; with the weights of measured cards it is GaC
(Yu et al., Breaking the Ceiling of the LLM Community by Treating Token Generation as a Classification for Ensembling,
arXiv 2406.12585), which maps every vocabulary into one union of them all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agentnet.fusion.byte_vocabulary import ByteVocabulary, Indexes, Piece, Probabilities
from agentnet.fusion.strategies.base import AsksAll
from agentnet.fusion.views import Choice, View


class Mean(AsksAll):
    """argmax over the union of Σ wₘ Pₘ(piece) / Σ wₘ. A piece that is no token of a member has probability 0 there."""

    def __init__(self) -> None:
        self._unions: dict[tuple[int, ...], _Union] = {}

    def choose(self, views: Sequence[View]) -> Choice:
        union = self._union([view.vocabulary for view in views])
        whole = sum(view.weight for view in views)
        parts = [
            union.spread(member, np.exp(view.logprobs) * (view.weight / whole)) for member, view in enumerate(views)
        ]
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

    def _union(self, vocabularies: list[ByteVocabulary]) -> _Union:
        """Return the union of some vocabularies. It is made once for each set of members that take part; the
        vocabularies of a server change with every piece."""
        key = tuple(map(id, vocabularies))
        found = self._unions.get(key)
        if found is None:
            if len(self._unions) > len(vocabularies) + 8:
                self._unions.clear()
            found = self._unions[key] = _Union(vocabularies)
        return found


class _Union:
    """The union of some vocabularies, and the index of each of their pieces in it."""

    def __init__(self, vocabularies: Sequence[ByteVocabulary]) -> None:
        self._kept = tuple(vocabularies)  # an id is unique only as long as they live
        self.pieces: list[Piece] = list(vocabularies[0].pieces)
        self._same = all(other.same_as(vocabularies[0]) for other in vocabularies[1:])
        self._maps: list[Indexes] = []
        if self._same:
            return
        indexes: dict[Piece, int] = {piece: index for index, piece in enumerate(self.pieces)}
        for vocabulary in vocabularies:
            for piece in vocabulary.pieces:
                if piece not in indexes:
                    indexes[piece] = len(self.pieces)
                    self.pieces.append(piece)
            self._maps.append(np.array([indexes[piece] for piece in vocabulary.pieces], np.int64))

    def spread(self, member: int, values: Probabilities) -> Probabilities:
        """Return one member's values, shape (its pieces,), by the indexes of the union: shape (pieces,)."""
        if self._same:
            return values
        spread = np.zeros(len(self.pieces))
        spread[self._maps[member]] = values
        return spread
