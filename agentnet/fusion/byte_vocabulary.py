"""A vocabulary by the bytes that its tokens say, so that models with different tokenizers can be compared."""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

END = None
"""The outcome that the text ends here. A model may have several end tokens: together they are this one outcome."""

Piece: TypeAlias = bytes | None
"""What a token says: some bytes, which need not be whole characters, or `END`."""

Probabilities: TypeAlias = NDArray[np.float64]
"""Probabilities: float64, one-dimensional; by what they are indexed is said where they are used."""

Tokens: TypeAlias = NDArray[np.intp]
"""Tokens, or positions in an array of tokens: one-dimensional."""

SPACE = b" "

MOST_KEPT = 4096
"""Entries of each of a vocabulary's caches; a full one is emptied."""


@dataclass(frozen=True, slots=True, eq=False)
class Beginning:
    """The tokens whose bytes begin with some bytes: a node of the tree of all tokens."""

    low: int
    """Its tokens are ``order[low:high]`` of the vocabulary."""
    high: int
    tokens: tuple[int, ...]
    """Those that say these bytes and no more; they come first."""
    following: Tokens
    """The bytes that follow in the others, ascending."""
    starts: Tokens
    """For each following byte, where its tokens start: positions behind `low`."""

    @property
    def alone(self) -> int:
        """How many tokens say these bytes and no more."""
        return len(self.tokens)


class ByteVocabulary:
    """The bytes of each token, and the tokens for any bytes: its *pieces* are the distinct things that tokens say.

    Control tokens that do not end the text say nothing: no member can choose them. All bytes lie in one string, and
    looked up by bisection: at 150,000 tokens, an object for each would take ten times the memory.
    """

    forms = 1
    """How many different strings of bytes of one model count as one piece, at most: see `WithoutLeadingSpace`."""

    def __init__(self, spelled: Iterable[bytes], ends: Iterable[int]) -> None:
        """`spelled` has the bytes of each token, empty for control tokens."""
        spelled = list(spelled)
        self.size = len(spelled)
        """The number of tokens."""
        self.ends = tuple(sorted(set(ends)))
        """The tokens that end the text."""
        self._bytes = b"".join(spelled)
        self._offsets = array("i", accumulate(map(len, spelled), initial=0))
        ending = frozenset(self.ends)
        said = [token for token in range(self.size) if spelled[token] and token not in ending]
        said.sort(key=spelled.__getitem__)
        self.order: Tokens = np.array(said, np.intp)
        """The tokens that say something, in the order of their bytes: those that begin alike are neighbours. Of tokens
        that say the same, the lowest comes first."""
        self._keys = array("Q", map(_key, map(spelled.__getitem__, said)))
        """The first bytes of each, in that order: most lookups need no others."""
        self.silent = frozenset(range(self.size)) - ending - frozenset(said)
        """The tokens that say nothing."""
        self.longest = max(map(len, spelled), default=0)
        """Bytes of the longest token."""
        self.shared = self._shared(spelled, said)
        """The tokens that are not alone in what they say, ascending."""
        self._sharing = frozenset(self.shared.tolist())
        self._tokens: dict[bytes, tuple[int, ...]] = {}
        self._beginnings: dict[bytes, Beginning] = {}

    def _shared(self, spelled: list[bytes], said: list[int]) -> Tokens:
        shared = set(self.ends) if len(self.ends) > 1 else set()
        for token, following in pairwise(said):
            if spelled[token] == spelled[following]:
                shared |= {token, following}
        return np.array(sorted(shared), np.intp)

    @cached_property
    def most_sharing(self) -> int:
        """How many tokens say one piece, at most."""
        return max((len(self.tokens(self.piece(token))) for token in self._sharing), default=1)

    def spelled(self, token: int) -> bytes:
        """Return the bytes of a token, empty for a control token."""
        return self._bytes[self._offsets[token] : self._offsets[token + 1]]

    def piece(self, token: int) -> Piece:
        """Return what a token says; empty where it is silent."""
        return END if token in self.ends else self.spelled(token)

    def alone(self, token: int) -> bool:
        """Return whether no other token says the same."""
        return token not in self._sharing

    def tokens(self, piece: Piece) -> tuple[int, ...]:
        """Return all tokens that say a piece, ascending."""
        if piece is END:
            return self.ends
        found = self._tokens.get(piece)
        if found is None:
            if len(self._tokens) >= MOST_KEPT:
                self._tokens.clear()
            found = self._tokens[piece] = self._saying(piece, self._first(piece)) if piece else ()
        return found

    def token(self, piece: Piece) -> int | None:
        """Return the token with which a model would say a piece; None where no token says it.

        Of several, the last one: where a vocabulary has bytes and characters, the bytes come first, and no tokenizer
        would choose them. Of several ends, the first one.
        """
        found = self.tokens(piece)
        if not found:
            return None
        return found[0] if piece is END else found[-1]

    def longest_match(self, text: bytes, start: int) -> tuple[int, int] | None:
        """Return the token of the longest piece with which a text continues at `start`, and where that ends."""
        found: tuple[int, int] | None = None
        for end in range(start + 1, min(len(text), start + self.longest) + 1):
            beginning = self.beginning(text[start:end])
            if beginning.tokens:
                found = beginning.tokens[-1], end
            if not len(beginning.following):
                break
        return found

    def beginning(self, text: bytes) -> Beginning:
        """Return the tokens that begin with some bytes."""
        found = self._beginnings.get(text)
        if found is None:
            if len(self._beginnings) >= MOST_KEPT:
                self._beginnings.clear()
            found = self._beginnings[text] = self._beginning(text)
        return found

    def same_as(self, other: ByteVocabulary) -> bool:
        """Return whether two vocabularies have the same pieces."""
        return self is other or self._digest == other._digest

    @cached_property
    def _digest(self) -> bytes:
        digest = hashlib.blake2b(b"end" if self.ends else b"")
        last = b""
        for token in self.order.tolist():
            piece = self.spelled(token)
            if piece != last:
                digest.update(b"%d:" % len(piece) + piece)
                last = piece
        return digest.digest()

    def _first(self, text: bytes) -> int:
        """Return the position of the first token in `order` that does not sort before a text."""
        key = _key(text)
        low = bisect_left(self._keys, key)
        return bisect_left(range(bisect_right(self._keys, key, low)), text, low, key=self._at)

    def _at(self, position: int) -> bytes:
        return self.spelled(self.order.item(position))

    def _saying(self, text: bytes, position: int) -> tuple[int, ...]:
        found = []
        while position < len(self.order) and self._at(position) == text:
            found.append(self.order.item(position))
            position += 1
        return tuple(found)

    def _beginning(self, text: bytes) -> Beginning:
        low = self._first(text)
        after = _next_string(text)
        high = self._first(after) if after is not None else len(self.order)
        tokens = self._saying(text, low) if text else ()
        longer = self.order[low + len(tokens) : high]
        offsets = np.frombuffer(self._offsets, np.int32)[longer]
        following = np.frombuffer(self._bytes, np.uint8)[offsets + len(text)].astype(np.intp)
        starts = np.flatnonzero(np.diff(following, prepend=-1))
        return Beginning(low, high, tokens, following[starts], starts + len(tokens))


class WithoutLeadingSpace:
    """A vocabulary for a first word whose leading space is no part of the text: a view of another one."""

    forms = 2
    """A word with its space in front, and without."""

    def __init__(self, vocabulary: ByteVocabulary) -> None:
        self._vocabulary = vocabulary
        self.silent = vocabulary.silent | frozenset(vocabulary.tokens(SPACE))
        self.shared, self.most_sharing = vocabulary.shared, vocabulary.most_sharing

    def piece(self, token: int) -> Piece:
        piece = self._vocabulary.piece(token)
        return piece if piece is END else piece.removeprefix(SPACE)

    def alone(self, token: int) -> bool:
        return False

    def tokens(self, piece: Piece) -> tuple[int, ...]:
        if piece is END:
            return self._vocabulary.ends
        spaced = self._vocabulary.tokens(SPACE + piece) if piece else ()
        return spaced if piece.startswith(SPACE) else spaced + self._vocabulary.tokens(piece)


Pieces: TypeAlias = ByteVocabulary | WithoutLeadingSpace
"""What a row of logits is read by."""


def _key(text: bytes) -> int:
    """Return the first eight bytes of a text as a number: texts with a lesser one sort before it."""
    return int.from_bytes(text[:8].ljust(8, b"\0"), "big")


def _next_string(beginning: bytes) -> bytes | None:
    """Return the first string that sorts after all those with a beginning; None where there is none."""
    stripped = beginning.rstrip(b"\xff")
    return stripped[:-1] + bytes([stripped[-1] + 1]) if stripped else None
