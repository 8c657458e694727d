"""The view of a member that takes part byte by byte."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from agentnet.fusion.byte_vocabulary import END, Piece, Probabilities
from agentnet.fusion.views import Candidate, View

BYTES: tuple[Piece, ...] = (END, *(bytes([value]) for value in range(256)))
"""The pieces of a text that is agreed on byte by byte: index 0 is the end, index b + 1 the byte b."""


class ByteView(View):
    """Probabilities by the indexes of `BYTES`."""

    def __init__(self, member: str, probabilities: Probabilities, *, weight: float = 1.0) -> None:
        """`probabilities` has shape (257,)."""
        self.member, self.weight = member, weight
        self._probabilities = probabilities

    def top(self, count: int) -> Sequence[Candidate]:
        possible = np.flatnonzero(self._probabilities)
        best = possible[np.argsort(-self._probabilities[possible], kind="stable")[:count]]
        return [_candidate(BYTES[index], self._probabilities.item(index)) for index in best.tolist()]

    def candidate(self, piece: Piece) -> Candidate | None:
        if piece is not END and len(piece) != 1:
            return None
        return _candidate(piece, self._probabilities.item(0 if piece is END else piece[0] + 1))


def _candidate(piece: Piece, probability: float) -> Candidate:
    logprob = math.log(probability) if probability else -math.inf
    return Candidate(piece, logprob, logprob)
