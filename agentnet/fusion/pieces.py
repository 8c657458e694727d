"""A vocabulary as text: what each token says, in bytes, so that models with different tokenizers can be compared."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from agentnet.errors import ModelError

END = None
"""The outcome that the text ends here. A model may have several end tokens: together they are this one outcome."""

Piece = bytes | None
"""What a token says: some bytes, which need not be whole characters, or `END`."""


class Pieces:
    """The distinct pieces of a vocabulary. Place 0 is `END`; tokens that say the same share a place.

    Control tokens that do not end the text say nothing: nobody may choose them, and they have no place.
    """

    def __init__(self, spelled: Sequence[bytes], ends: Iterable[int]) -> None:
        """`spelled` has the bytes of each token, empty for control tokens."""
        ends = frozenset(ends)
        self.pieces: list[Piece] = [END]
        self.places: dict[Piece, int] = {END: 0}
        self.tokens: list[int] = [min(ends, default=-1)]
        """For each place, the last token that says it: where a vocabulary has bytes and characters, the bytes come
        first, and no tokenizer would choose them."""
        said: dict[int, list[int]] = {}
        for token, spelling in enumerate(spelled):
            piece: Piece = END if token in ends else spelling
            if piece == b"":
                continue
            place = self.places.get(piece)
            if place is None:
                place = self.places[piece] = len(self.pieces)
                self.pieces.append(piece)
                self.tokens.append(token)
            elif token != self.tokens[place]:
                said.setdefault(place, [self.tokens[place]])
                said[place].append(token)
                self.tokens[place] = token
        self._last = np.array(self.tokens, np.int64)
        others = [(place, token) for place, tokens in said.items() for token in tokens[:-1]]
        self._shared_places = np.array([place for place, _ in others], np.int64)
        self._shared_tokens = np.array([token for _, token in others], np.int64)

    def __len__(self) -> int:
        return len(self.pieces)

    def same_as(self, other: Pieces) -> bool:
        """Whether two vocabularies are one: the same pieces in the same places."""
        return self is other or self.pieces == other.pieces

    def read(self, row: Any) -> tuple[Any, Any]:
        """From logits by token to logits and natural log-probabilities by place, each float64 of shape (places,).

        Of tokens that share a place, the greatest logit counts, and their probabilities are added. Tokens without a
        place count for nothing: the probabilities of what remains sum to one. Raises `ModelError` where a logit is no
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
        np.add.at(weights, self._shared_places, np.exp(shared - top))
        np.maximum.at(logits, self._shared_places, shared)
        with np.errstate(divide="ignore"):
            return logits, np.log(weights / weights.sum())

    def likeliest(self, row: Any) -> int:
        """The likeliest token that says something, as the model itself would choose it."""
        last = int(self._last[row[self._last].argmax()])
        if not len(self._shared_tokens):
            return last
        other = int(self._shared_tokens[row[self._shared_tokens].argmax()])
        return other if row[other] > row[last] else last

    def logprobs(self, row: Any) -> Any:
        """The log-probabilities of `read` alone."""
        return self.read(row)[1]

    @cached_property
    def sorted(self) -> SortedPieces:
        return SortedPieces(self.pieces)


class SortedPieces:
    """Pieces in the order of their bytes: all that begin alike lie together."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        spelled = [(piece, place) for place, piece in enumerate(pieces) if piece is not END]
        spelled.sort()
        self._spelled = [piece for piece, _ in spelled]
        self.order = np.array([place for _, place in spelled], np.int64)
        """Places, in the order of the bytes."""
        self.lengths = np.array([len(piece) for piece in self._spelled], np.int64)
        longest = int(self.lengths.max(initial=1))
        padded = b"".join(piece.ljust(longest, b"\0") for piece in self._spelled)
        self._bytes = np.frombuffer(padded, np.uint8).reshape(len(self._spelled), longest)

    def span(self, beginning: bytes) -> slice:
        """Where the pieces lie that begin so."""
        from bisect import bisect_left

        low = bisect_left(self._spelled, beginning)
        high = low
        after = _next_string(beginning)
        high = bisect_left(self._spelled, after, low) if after is not None else len(self._spelled)
        return slice(low, high)

    def mass(self, probabilities: Any, beginning: bytes) -> float:
        """The probability that the next piece begins so; `probabilities` is by place."""
        return float(probabilities[self.order[self.span(beginning)]].sum())

    def next_bytes(self, probabilities: Any, beginning: bytes) -> Any:
        """The probability of each byte behind a beginning, within one piece. float64 of shape (256,)."""
        span = self.span(beginning)
        longer = np.flatnonzero(self.lengths[span] > len(beginning)) + span.start
        following = self._bytes[longer, len(beginning)] if len(longer) else np.zeros(0, np.uint8)
        return np.bincount(following, weights=probabilities[self.order[longer]], minlength=256)


def _next_string(beginning: bytes) -> bytes | None:
    """The first string behind all that begin so; None where there is none."""
    stripped = beginning.rstrip(b"\xff")
    return stripped[:-1] + bytes([stripped[-1] + 1]) if stripped else None
