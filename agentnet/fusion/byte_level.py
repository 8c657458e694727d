"""A model as a distribution over the next byte, whatever its tokens are.

A text of bytes can be the beginning of many token sequences. The probability of the next byte is the sum over all of
them: over every sequence of tokens that spells a beginning of the text (a *cover*), with the rest of the text being
the beginning of one more token. See Phan et al., Exact Byte-Level Probabilities from Tokenized Language Models
(arXiv 2410.09303), and Hayase et al. (arXiv 2506.14123), who sum over the sequences that a tokenizer would produce;
here all of them count, weighed by the model itself. With `negligible` 0 the sum is exact; above that, covers are given
up that have less than this share of the probability.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from agentnet.fusion.byte_vocabulary import ByteVocabulary, Probabilities
from agentnet.fusion.token_weights import TokenWeights

Retokenize = Callable[[Sequence[int], bytes], Sequence[int]]
"""From tokens, and bytes that follow them, to the tokens of both: see `Retokenizer.append`."""


@dataclass(slots=True, eq=False)
class Cover:
    """Tokens that spell a beginning of the text, and the rest of it."""

    tokens: tuple[int, ...]
    weight: float
    """The probability of the tokens, in proportion to that of the text so far."""
    rest: bytes = b""
    weights: TokenWeights | None = None
    """Of the next token; None until the model was asked."""


class ByteDistribution:
    """The next-byte distribution of one model along one text.

    It asks nothing itself: `unread` has the covers whose `weights` are to be filled in before `next` and `append`. Few
    bytes have any: within a token, the model need not be asked.
    """

    def __init__(
        self, vocabulary: ByteVocabulary, *, negligible: float = 1e-3, retokenize: Retokenize | None = None
    ) -> None:
        """`retokenize` gives the tokens of the text where no cover is left that continues with a byte, because those
        that did were given up; its tokens are taken as certain."""
        self._vocabulary, self._negligible = vocabulary, negligible
        self._retokenize = retokenize
        self._covers = [Cover((), 1.0)]
        self.given_up = 0.0
        """The share of the probability that was given up so far, added up over the bytes: a bound of the error."""
        self.retokenized = 0
        """How often the text was tokenized again."""

    @property
    def tokens(self) -> tuple[int, ...]:
        """The likeliest cover: the tokens that the model would most probably use for the text."""
        return self._best.tokens

    @property
    def _best(self) -> Cover:
        return max(self._covers, key=lambda cover: cover.weight)

    @property
    def unread(self) -> list[Cover]:
        """The covers for which the model has to be asked."""
        return [cover for cover in self._covers if cover.weights is None]

    def next(self) -> Probabilities:
        """Return the probabilities of what comes next, shape (257,): index 0 is the end, index b + 1 the byte b.

        They sum to one.
        """
        found = np.zeros(257)
        for cover in self._covers:
            assert cover.weights is not None
            beginning = self._vocabulary.beginning(cover.rest)
            share = cover.weight / cover.weights.total
            if len(beginning.following):
                found[beginning.following + 1] += cover.weights.following(beginning) * share
            if not cover.rest:
                found[0] += cover.weights.end * share
        found /= found.sum()
        return found

    def append(self, byte: bytes) -> None:
        """Continue the text with a byte.

        Raises `ValueError` where it has probability 0 and there is no `retokenize`, and like that.
        """
        found: list[tuple[float, Cover]] = []
        for cover in self._covers:
            assert cover.weights is not None
            rest = cover.rest + byte
            beginning = self._vocabulary.beginning(rest)
            share = cover.weight / cover.weights.total
            ended = share * cover.weights.alone(beginning)
            if ended > 0:
                found.append((ended, Cover((*cover.tokens, beginning.tokens[-1]), ended)))
            inside = share * float(cover.weights.following(beginning).sum())
            if inside > 0:
                found.append((inside, Cover(cover.tokens, cover.weight, rest, cover.weights)))
        if found or self._retokenize is None:
            self._covers = self._kept(found)
        else:
            tokens = self._retokenize(self._best.tokens, self._best.rest + byte)
            self._covers = [Cover(tuple(tokens), 1.0)]
            self.retokenized += 1

    def _kept(self, found: list[tuple[float, Cover]]) -> list[Cover]:
        """Return the covers whose share of the probability matters, weighed so that their shares sum to one."""
        whole = math.fsum(share for share, _ in found)
        if not whole > 0:
            raise ValueError("the model gives this byte no probability")
        kept = [(share, cover) for share, cover in found if share >= self._negligible * whole]
        left = math.fsum(share for share, _ in kept)
        self.given_up += 1 - left / whole
        for _, cover in kept:
            cover.weight /= left
        return [cover for _, cover in kept]
