"""A drafted text, and the tokens that a member will be asked for if the shared text continues as drafted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agentnet.errors import ModelError
from agentnet.fusion.tokenizer_view import TokenizerView


@dataclass(frozen=True, slots=True)
class Draft:
    """A text that begins as the shared one does and continues as one member would."""

    text: bytes
    stops: tuple[int, ...]
    """Where its pieces may end: lengths of the text, ascending."""

    def continues(self, said: bytes) -> bool:
        """Return whether it begins with what was `said` and says more."""
        return len(self.text) > len(said) and self.text.startswith(said)


def boundaries(tokenizer: TokenizerView, tokens: Sequence[int], addition: bytes) -> Iterator[int]:
    """Yield where the tokens for an addition to a text end: lengths of the whole text, longer than that of `tokens`."""
    retokenizer = tokenizer.retokenizer
    before, length = len(retokenizer.text(tokens)), 0
    try:
        for token in retokenizer.append(tokens, addition):
            length += len(retokenizer.text([token]))
            if length > before:
                yield length
    except ModelError:  # the vocabulary cannot spell it
        return


def spelled_out(tokenizer: TokenizerView, tokens: Sequence[int], addition: bytes) -> Iterator[tuple[int, ...]]:
    """Yield the tokens that a member may be asked for along an addition whose pieces are bytes.

    They are those that its tokenizer has for the whole text, one more each time: its likeliest way to spell the text.
    """
    try:
        whole = tuple(tokenizer.retokenizer.append(tokens, addition))
    except ModelError:
        return
    start = next(
        (place for place, pair in enumerate(zip(whole, tokens, strict=False)) if pair[0] != pair[1]), len(tokens)
    )
    for end in range(start + 1, len(whole) + 1):
        yield whole[:end]


def foreseen(
    tokenizer: TokenizerView, tokens: Sequence[int], addition: bytes, stops: Sequence[int]
) -> Iterator[tuple[int, ...]]:
    """Yield the tokens that a member may have after each piece of an addition, whose pieces end at the `stops`.

    A member continues with its own token where that says the piece, and otherwise with what its tokenizer has for the
    end of the text (`LocalMember.append`). Which of the two is not known yet, so both are yielded.
    """
    retokenizer, vocabulary = tokenizer.retokenizer, tokenizer.vocabulary
    own, start = tuple(tokens), 0
    try:
        for stop in stops:
            spelled = tuple(retokenizer.append(tokens, addition[:stop]))
            token = vocabulary.token(addition[start:stop])
            own = spelled if token is None else (*own, token)
            start = stop
            yield own
            if spelled != own:
                yield spelled
    except ModelError:
        return
