"""A vocabulary by the bytes that its tokens say, so that models with different tokenizers can be compared."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from agentnet.errors import ModelError
from agentnet.models.tokens import LogitsRow, LogProbs

END = None
"""The outcome that the text ends here. A model may have several end tokens: together they are this one outcome."""

Piece: TypeAlias = bytes | None
"""What a token says: some bytes, which need not be whole characters, or `END`."""

PieceLogits: TypeAlias = NDArray[np.float64]
"""Logits by the indexes of a `ByteVocabulary`: float64, shape (pieces,)."""

Probabilities: TypeAlias = NDArray[np.float64]
"""Probabilities: float64, one-dimensional; by what they are indexed is said where they are used."""

Indexes: TypeAlias = NDArray[np.int64]
"""Indexes, or tokens: int64, one-dimensional."""


class ByteVocabulary:
    """The distinct byte strings of a vocabulary: its pieces. Index 0 is `END`; tokens of the same bytes share an index.

    Control tokens that do not end the text say nothing: no member can choose them, and they have no index.
    """

    def __init__(self, spelled: Sequence[bytes], ends: Iterable[int]) -> None:
        """`spelled` has the bytes of each token, empty for control tokens."""
        ends = frozenset(ends)
        self.pieces: list[Piece] = [END]
        self.indexes: dict[Piece, int] = {END: 0}
        self.tokens: list[int] = [min(ends, default=-1)]
        """For each index, the last token that says it: where a vocabulary has bytes and characters, the bytes come
        first, and no tokenizer would choose them."""
        sharing: dict[int, list[int]] = {}
        silent: list[int] = []
        for token, spelling in enumerate(spelled):
            piece: Piece = END if token in ends else spelling
            if piece == b"":
                silent.append(token)
                continue
            index = self.indexes.get(piece)
            if index is None:
                index = self.indexes[piece] = len(self.pieces)
                self.pieces.append(piece)
                self.tokens.append(token)
            elif token != self.tokens[index]:
                sharing.setdefault(index, [self.tokens[index]])
                sharing[index].append(token)
                self.tokens[index] = token
        self.silent = frozenset(silent)
        """The tokens without an index."""
        self._last: Indexes = np.array(self.tokens, np.int64)
        others = [(index, token) for index, tokens in sharing.items() for token in tokens[:-1]]
        self._shared_indexes: Indexes = np.array([index for index, _ in others], np.int64)
        self._shared_tokens: Indexes = np.array([token for _, token in others], np.int64)

    def __len__(self) -> int:
        return len(self.pieces)

    def same_as(self, other: ByteVocabulary) -> bool:
        """Return whether two vocabularies are one: the same pieces at the same indexes."""
        return self is other or self.pieces == other.pieces

    def read(self, row: LogitsRow) -> tuple[PieceLogits, LogProbs]:
        """Return logits and natural log-probabilities by index, each float64 of shape (pieces,).

        Of tokens that share an index, the greatest logit counts, and their probabilities are added. Tokens without an
        index count for nothing: the probabilities of the others sum to one. Raises `ModelError` where a logit is not a
        number.
        """
        logits = row[self._last].astype(np.float64)
        shared = row[self._shared_tokens].astype(np.float64)
        top = float(logits.max() if not len(shared) else np.maximum(logits.max(), shared.max()))
        if not math.isfinite(top):
            raise ModelError("its logits are not numbers; is the file damaged?")
        below = logits - top
        weights = np.exp(below)
        if not len(shared):
            below -= math.log(weights.sum())
            return logits, below
        np.add.at(weights, self._shared_indexes, np.exp(shared - top))
        np.maximum.at(logits, self._shared_indexes, shared)
        with np.errstate(divide="ignore"):
            return logits, np.log(weights / weights.sum())

    def likeliest(self, row: LogitsRow) -> int:
        """Return the likeliest token that says something or ends the text, as the model itself would choose it."""
        last = int(self._last[row[self._last].argmax()])
        if not len(self._shared_tokens):
            return last
        other = int(self._shared_tokens[row[self._shared_tokens].argmax()])
        return other if row[other] > row[last] else last

    def logprobs(self, row: LogitsRow) -> LogProbs:
        """Return the log-probabilities of `read` alone, shape (pieces,)."""
        return self.read(row)[1]

    @cached_property
    def sorted(self) -> SortedPieces:
        return SortedPieces(self.pieces)


class SortedPieces:
    """Pieces in the order of their bytes: all that begin with the same bytes are neighbours."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        spelled = [(piece, index) for index, piece in enumerate(pieces) if piece is not END]
        spelled.sort()
        self._spelled = [piece for piece, _ in spelled]
        self.order: Indexes = np.array([index for _, index in spelled], np.int64)
        """The indexes of the pieces, in the order of their bytes."""
        self.lengths: Indexes = np.array([len(piece) for piece in self._spelled], np.int64)
        """In bytes, in that order."""
        longest = int(self.lengths.max(initial=1))
        padded = b"".join(piece.ljust(longest, b"\0") for piece in self._spelled)
        self._bytes: NDArray[np.uint8] = np.frombuffer(padded, np.uint8).reshape(len(self._spelled), longest)

    def span(self, beginning: bytes) -> slice:
        """Return the part of `order` whose pieces begin with some bytes."""
        low = bisect_left(self._spelled, beginning)
        after = _next_string(beginning)
        high = bisect_left(self._spelled, after, low) if after is not None else len(self._spelled)
        return slice(low, high)

    def mass(self, probabilities: Probabilities, beginning: bytes) -> float:
        """Return the probability that the next piece begins with some bytes; `probabilities` has shape (pieces,)."""
        return float(probabilities[self.order[self.span(beginning)]].sum())

    def next_bytes(self, probabilities: Probabilities, beginning: bytes) -> Probabilities:
        """Return the probability of each byte that follows a beginning within one piece, shape (256,).

        `probabilities` has shape (pieces,).
        """
        span = self.span(beginning)
        longer = np.flatnonzero(self.lengths[span] > len(beginning)) + span.start
        following = self._bytes[longer, len(beginning)] if len(longer) else np.zeros(0, np.uint8)
        sums = np.bincount(following, weights=probabilities[self.order[longer]], minlength=256)
        return sums.astype(np.float64, copy=False)  # as it is already, but numpy declares integers


def _next_string(beginning: bytes) -> bytes | None:
    """Return the first string that sorts after all those with a beginning; None where there is none."""
    stripped = beginning.rstrip(b"\xff")
    return stripped[:-1] + bytes([stripped[-1] + 1]) if stripped else None
