"""Turning bytes into a model's own tokens: exactly, whatever the bytes are.

Tokenizers fail quietly on unexpected input: half a character becomes U+FFFD, a SentencePiece fragment gets a space in
front. The bytes of the tokens that a tokenizer returns are therefore compared with the input, and where they differ the
longest pieces of the vocabulary are matched instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from agentnet.errors import ModelError
from agentnet.fusion.byte_vocabulary import MOST_KEPT, ByteVocabulary

Tokenize = Callable[[str], list[int]]
"""Text to tokens, without a begin token and without names of control tokens."""

BACK = 12
"""Tokens at the end of a text that may be tokenized again when bytes are appended to it."""
_ANCHOR = "\n"
"""A character in front of a fragment, so that a tokenizer does not take its beginning for that of a text."""


class Retokenizer:
    """One model's tokens for any bytes. `name` is used in errors."""

    def __init__(self, name: str, vocabulary: ByteVocabulary, tokenize: Tokenize) -> None:
        self._name, self._vocabulary, self._tokenize = name, vocabulary, tokenize
        self._first_pieces: dict[bytes, bytes] = {}

    def tokens(self, text: bytes) -> list[int]:
        """Return tokens whose bytes are exactly the text. Raises `ModelError` where the vocabulary cannot say it."""
        tokens: list[int] = []
        for whole, rest in _runs(text):
            if whole:
                found = self._by_tokenizer(whole)
                tokens += found if found is not None else self._by_matching(whole.encode())
            tokens += self._by_matching(rest)
        return tokens

    def append(self, tokens: Sequence[int], addition: bytes) -> list[int]:
        """Return the tokens of a text followed by some bytes. Only its end is tokenized again, back to the last white
        space and by at most `BACK` tokens. Raises like `tokens`."""
        kept = len(tokens)
        tail = b""
        while kept > 0 and len(tokens) - kept < BACK:
            kept -= 1
            piece = self._vocabulary.spelled(tokens[kept])
            tail = piece + tail
            if piece[:1].isspace():
                break
        return [*tokens[:kept], *self.tokens(tail + addition)]

    def text(self, tokens: Sequence[int]) -> bytes:
        """Return the bytes of some tokens."""
        return b"".join(map(self._vocabulary.spelled, tokens))

    def first_piece(self, text: bytes) -> bytes:
        """Return the bytes of the first token of a text. Raises like `tokens`."""
        found = self._first_pieces.get(text)
        if found is None:
            if len(self._first_pieces) >= MOST_KEPT:
                self._first_pieces.clear()
            found = self._first_pieces[text] = self._vocabulary.spelled(self.tokens(text)[0])
        return found

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
        """Return the tokens of a greedy match: at each position, the longest piece that fits."""
        tokens = []
        start = 0
        while start < len(text):
            match = self._vocabulary.longest_match(text, start)
            if match is None:
                raise ModelError(f"{self._name}: its vocabulary cannot spell the byte {text[start]:#04x}")
            token, start = match
            tokens.append(token)
        return tokens


def _runs(text: bytes) -> Iterator[tuple[str, bytes]]:
    """Split bytes into runs of whole characters, each with the bytes behind it that belong to no character."""
    while text:
        try:
            yield text.decode(), b""
            return
        except UnicodeDecodeError as error:
            yield text[: error.start].decode(), text[error.start : error.end]
            text = text[error.end :]
