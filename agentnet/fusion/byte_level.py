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
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import numpy as np

from agentnet.fusion.byte_vocabulary import ByteVocabulary, Probabilities
from agentnet.models.tokens import LogProbs

Retokenize = Callable[[Sequence[int], bytes], Sequence[int]]
"""From tokens, and bytes that follow them, to the tokens of both: see `Retokenizer.append`."""

Conditional = Callable[[Sequence[int]], Awaitable[LogProbs]]
"""From the tokens of a cover to the log-probabilities of the next piece: float64, shape (pieces,)."""

BYTES = ByteVocabulary([bytes([value]) for value in range(256)] + [b""], ends=[256])
"""Bytes as a vocabulary: index 0 is the end, index b + 1 the byte b."""


@dataclass(slots=True)
class _Cover:
    """Tokens that spell a beginning of the text, and the rest of it."""

    tokens: tuple[int, ...]
    weight: float
    """The probability of the tokens, in proportion to that of the text so far."""
    rest: bytes
    probabilities: Probabilities | None = None
    """Of the next piece, shape (pieces,); None until the model was asked."""


class ByteDistribution:
    """The next-byte distribution of one model along one text."""

    def __init__(
        self,
        vocabulary: ByteVocabulary,
        conditional: Conditional,
        *,
        negligible: float = 1e-3,
        retokenize: Retokenize | None = None,
    ) -> None:
        """`retokenize` gives the tokens of the text where no cover is left that continues with a byte, because those
        that did were given up; its tokens are taken as certain."""
        self._vocabulary, self._conditional, self._negligible = vocabulary, conditional, negligible
        self._retokenize = retokenize
        self._covers = [_Cover((), 1.0, b"")]
        self.given_up = 0.0
        """The share of the probability that was given up so far, added up over the bytes: a bound of the error."""
        self.retokenized = 0
        """How often the text was tokenized again."""

    @property
    def tokens(self) -> tuple[int, ...]:
        """The likeliest cover: the tokens that the model would most probably use for the text."""
        return self._best.tokens

    @property
    def _best(self) -> _Cover:
        return max(self._covers, key=lambda cover: cover.weight)

    async def next(self) -> LogProbs:
        """Return natural log-probabilities of what comes next, by the indexes of `BYTES`: shape (257,).

        Their exponentials sum to one. Raises like `conditional`.
        """
        found = np.zeros(257)
        for cover in self._covers:
            probabilities = await self._asked(cover)
            found[1:] += cover.weight * self._vocabulary.sorted.next_bytes(probabilities, cover.rest)
            if not cover.rest:
                found[0] += cover.weight * probabilities[0]
        with np.errstate(divide="ignore"):
            logprobs: LogProbs = np.log(found / found.sum())
        return logprobs

    async def _asked(self, cover: _Cover) -> Probabilities:
        """Return the probabilities of the piece that follows a cover, shape (pieces,)."""
        if cover.probabilities is None:
            cover.probabilities = np.exp(await self._conditional(cover.tokens))
        return cover.probabilities

    async def append(self, byte: bytes) -> None:
        """Continue the text with a byte.

        Raises like `conditional`, and `ValueError` where the byte has probability 0 and there is no `retokenize`.
        """
        found: list[tuple[float, _Cover]] = []
        for cover in self._covers:
            probabilities = await self._asked(cover)
            rest = cover.rest + byte
            index = self._vocabulary.indexes.get(rest)
            ended = float(probabilities[index]) if index is not None else 0.0
            if index is not None and ended:
                share = cover.weight * ended
                found.append((share, _Cover((*cover.tokens, self._vocabulary.tokens[index]), share, b"")))
            inside = self._vocabulary.sorted.mass(probabilities, rest) - ended
            if inside > 0:
                found.append((cover.weight * inside, _Cover(cover.tokens, cover.weight, rest, probabilities)))
        if found or self._retokenize is None:
            self._covers = self._kept(found)
        else:
            tokens = self._retokenize(self._best.tokens, self._best.rest + byte)
            self._covers = [_Cover(tuple(tokens), 1.0, b"")]
            self.retokenized += 1

    def _kept(self, found: list[tuple[float, _Cover]]) -> list[_Cover]:
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
