"""A drafted text, and the tokens that a member will be asked for if the text continues as drafted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agentnet.fusion.tokenizer_view import TokenizerView


@dataclass(frozen=True)
class Draft:
    """A text that begins as the shared one does and continues as one member would."""

    text: bytes
    stops: tuple[int, ...]
    """Lengths of the text at which a piece may end, in ascending order."""

    def continues(self, said: bytes) -> bool:
        """Return whether it says more than `said`, and begins with it."""
        return len(self.text) > len(said) and self.text.startswith(said)


def boundaries(tokenizer: TokenizerView, tokens: Sequence[int], text: bytes) -> Iterator[int]:
    """Yield where a member's tokens for a text end, behind the text that `tokens` say: lengths of the whole text."""
    length = len(tokenizer.retokenizer.text(tokens))
    end = 0
    for token in tokenizer.retokenizer.append(tokens, text):
        end += len(tokenizer.retokenizer.text([token]))
        if end > length:
            yield end


def sequences(
    tokenizer: TokenizerView, tokens: Sequence[int], text: bytes, stops: Sequence[int]
) -> Iterator[tuple[int, ...]]:
    """Yield the tokens that a member may have where `text`, cut at each of the `stops`, was appended to `tokens`.

    A member follows a piece with its own token if that says the piece, and else with what its tokenizer has for the end
    of the text: both are foreseen.
    """
    retokenizer, vocabulary = tokenizer.retokenizer, tokenizer.vocabulary
    chain: tuple[int, ...] | None = tuple(tokens)
    start = 0
    for stop in stops:
        index = vocabulary.indexes.get(text[start:stop])
        chain = (*chain, vocabulary.tokens[index]) if chain is not None and index is not None else None
        start = stop
        spelled = tuple(retokenizer.append(tokens, text[:stop]))
        if chain is None:
            chain = spelled
        yield chain
        if spelled != chain:
            yield spelled
