"""How a tokenizer spells bytes: exactly, whatever they are.

Tokenizers fail quietly on what they do not expect: half a character becomes U+FFFD, a SentencePiece fragment gets a
space in front. So whatever a tokenizer returns is spelled out again and compared, and where it differs the longest
pieces of the vocabulary are matched instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from agentnet.errors import ModelError
from agentnet.fusion.pieces import END, Pieces

Tokenize = Callable[[str], list[int]]
"""Text to tokens, without a begin token and without names of control tokens."""

BACK = 12
"""Tokens at the end of a text that may be spelled anew when something is appended to it."""
_ANCHOR = "\n"
"""A character in front of a fragment, so that a tokenizer does not take its beginning for that of a text."""


class Speller:
    """One model's way to spell. `spelled` has the bytes of each token."""

    def __init__(self, name: str, pieces: Pieces, spelled: Sequence[bytes], tokenize: Tokenize) -> None:
        self._name, self._pieces, self._spelled, self._tokenize = name, pieces, spelled, tokenize
        self._longest = max((len(piece) for piece in pieces.pieces if piece is not END), default=1)
        self.first_piece = lru_cache(maxsize=4096)(self._first_piece)

    def spell(self, text: bytes) -> list[int]:
        """Tokens whose bytes are exactly the text. Raises `ModelError` where the vocabulary cannot say it."""
        tokens: list[int] = []
        for whole, rest in _runs(text):
            if whole:
                found = self._by_tokenizer(whole)
                tokens += found if found is not None else self._by_matching(whole.encode())
            tokens += self._by_matching(rest)
        return tokens

    def append(self, tokens: Sequence[int], addition: bytes) -> list[int]:
        """The tokens of a text with something appended. Only its end is spelled anew, back to the last white space."""
        kept = len(tokens)
        tail = b""
        while kept > 0 and len(tokens) - kept < BACK:
            kept -= 1
            piece = self._spelled[tokens[kept]]
            tail = piece + tail
            if piece[:1].isspace():
                break
        return [*tokens[:kept], *self.spell(tail + addition)]

    def text(self, tokens: Sequence[int]) -> bytes:
        return b"".join(self._spelled[token] for token in tokens)

    def _first_piece(self, text: bytes) -> bytes:
        return self._spelled[self.spell(text)[0]]

    def _by_tokenizer(self, text: str) -> list[int] | None:
        data = text.encode()
        tokens = self._tokenize(text)
        if self.text(tokens) == data:
            return tokens
        anchored = self._tokenize(_ANCHOR + text)
        for cut in range(1, len(anchored)):
            if self.text(anchored[cut:]) == data:
                return anchored[cut:]
        return None

    def _by_matching(self, text: bytes) -> list[int]:
        """The longest piece that fits, again and again."""
        tokens = []
        start = 0
        while start < len(text):
            for end in range(min(len(text), start + self._longest), start, -1):
                place = self._pieces.places.get(text[start:end])
                if place is not None:
                    tokens.append(self._pieces.tokens[place])
                    start = end
                    break
            else:
                raise ModelError(f"{self._name}: its vocabulary cannot spell the byte {text[start]:#04x}")
        return tokens


def _runs(text: bytes) -> Iterator[tuple[str, bytes]]:
    """Some bytes as runs of whole characters, each with the bytes behind it that are none."""
    while text:
        try:
            yield text.decode(), b""
            return
        except UnicodeDecodeError as error:
            yield text[: error.start].decode(), text[error.start : error.end]
            text = text[error.end :]
