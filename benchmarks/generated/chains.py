"""Chains: what comes next depends on the last token alone, so that a model says a given text.

A *link* leads from a token to the one behind it. The links of a text are those of the tokens that the vocabulary makes
of it. Further ones serve a text that others cut differently: behind the beginning of the text that ends in a token
without a link comes the longest token with which the text continues. Every other token leads to the beginning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agentnet.models.llama import backend
from agentnet.models.llama.vocabulary import Vocabulary
from benchmarks.generated.texts import TEXTS

LONGEST = 24
"""Characters of the longest token that a further link leads to."""


@dataclass(frozen=True)
class Chain:
    """A text that a model says behind any prompt whose last token is not in the text: end prompts with a line break.

    Without `ends`, the text begins again, behind a space, for ever. `top` is about how likely each of its tokens is;
    the rest is spread over the vocabulary by chance, which `seed` decides.
    """

    text: str = field(default_factory=lambda: next(iter(TEXTS.values())))
    ends: bool = False
    top: float = 0.9
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.top < 1:
            raise ValueError(f"`top` is a probability, not {self.top}")
        if not self.text or "\n" in self.text:
            raise ValueError("a chain says one line, and it is not empty")


@dataclass(frozen=True)
class Links:
    """The token behind each token, and the one that comes behind all that have none."""

    next: Mapping[int, int]
    first: int
    tokens: tuple[int, ...]
    """The text's own tokens, in order."""

    @property
    def involved(self) -> list[int]:
        """All tokens with a link or at the end of one."""
        return sorted({*self.next, *self.next.values(), self.first})


def links_of(chain: Chain, vocabulary: Vocabulary, room: int) -> Links:
    """Return the links of a chain, `room` at most.

    Raises `ValueError` if the text has a token twice, or more tokens than there is room for.
    """
    # A text that begins again behind itself is cut as the middle of a line, where a space opens it.
    lead, text = ("", chain.text) if chain.ends else ("\n", f" {chain.text}")
    skipped = len(_tokens(vocabulary, lead)) if lead else 0
    tokens = _tokens(vocabulary, lead + text)[skipped:]
    for place, token in enumerate(tokens):
        if token in tokens[:place]:
            raise ValueError(f"the text has the token {vocabulary.piece(token)!r} twice: {chain.text!r}")
    if len(tokens) + 1 > room:
        raise ValueError(f"the text has {len(tokens)} tokens; the model has room for {room - 1}")
    end = backend.library().llama_vocab_eos(vocabulary.pointer)
    following = dict(zip(tokens, [*tokens[1:], end if chain.ends else tokens[0]], strict=True))
    following.setdefault(end, tokens[0])
    pieces = {vocabulary.piece(token): token for token in range(vocabulary.size)}
    for place in range(1, len(text)):
        last = _tokens(vocabulary, lead + text[:place])[-1]
        if len(following) < room and last not in following:
            following[last] = _longest(text[place : place + LONGEST], pieces)
    return Links(following, tokens[0], tuple(tokens))


def _longest(text: str, pieces: Mapping[bytes, int]) -> int:
    """The token of the longest beginning of a text that is one; a byte at least."""
    data = text.encode()
    return next(pieces[data[:size]] for size in range(len(data), 0, -1) if data[:size] in pieces)


def _tokens(vocabulary: Vocabulary, text: str) -> list[int]:
    return vocabulary.tokens(text, begin=False, special=False)
