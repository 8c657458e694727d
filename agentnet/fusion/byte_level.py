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
from typing import Any

import numpy as np

from agentnet.fusion.pieces import Pieces

Respell = Callable[[Sequence[int], bytes], Sequence[int]]
"""From tokens, and bytes behind what they say, to the tokens of both: see `Speller.append`."""

Conditional = Callable[[Sequence[int]], Awaitable[Any]]
"""From the tokens of a cover to log-probabilities by place, float64 of shape (places,)."""

BYTES = Pieces([bytes([value]) for value in range(256)] + [b""], ends=[256])
"""Bytes as a vocabulary: place 0 is the end, place b + 1 the byte b."""


@dataclass(slots=True)
class _Cover:
    """Tokens that spell a beginning of the text, and the rest of it."""

    tokens: tuple[int, ...]
    weight: float
    """The probability of the tokens, in proportion to that of the text so far."""
    rest: bytes
    probabilities: Any = None
    """Of the next piece, by place; None until the model was asked."""


class ByteDistribution:
    """The next-byte distribution of one model along one text."""

    def __init__(
        self, pieces: Pieces, conditional: Conditional, *, negligible: float = 1e-3, respell: Respell | None = None
    ) -> None:
        """Where no cover is left that goes on with a byte (those that did may have been given up), `respell` says how
        the text is spelled then; it is taken as given."""
        self._pieces, self._conditional, self._negligible, self._respell = pieces, conditional, negligible, respell
        self._covers = [_Cover((), 1.0, b"")]
        self.given_up = 0.0
        """The share of the probability that was given up so far, added up over the bytes: a bound of the error."""
        self.respelled = 0
        """How often the text was spelled anew."""

    @property
    def tokens(self) -> tuple[int, ...]:
        """The likeliest cover: how the model would most probably spell the text."""
        return self._best.tokens

    @property
    def _best(self) -> _Cover:
        return max(self._covers, key=lambda cover: cover.weight)

    async def next(self) -> Any:
        """Natural log-probabilities of what comes next, by the places of `BYTES`; they sum to one."""
        await self._ask()
        found = np.zeros(257)
        for cover in self._covers:
            found[1:] += cover.weight * self._pieces.sorted.next_bytes(cover.probabilities, cover.rest)
            if not cover.rest:
                found[0] += cover.weight * cover.probabilities[0]
        with np.errstate(divide="ignore"):
            return np.log(found / found.sum())

    async def _ask(self) -> None:
        for cover in self._covers:
            if cover.probabilities is None:
                cover.probabilities = np.exp(await self._conditional(cover.tokens))

    async def append(self, byte: bytes) -> None:
        """Go on with a byte. Raises `ValueError` where its probability is 0 and nothing can be respelled."""
        await self._ask()
        found: list[tuple[float, _Cover]] = []
        for cover in self._covers:
            rest = cover.rest + byte
            place = self._pieces.places.get(rest)
            ended = float(cover.probabilities[place]) if place is not None else 0.0
            if place is not None and ended:
                share = cover.weight * ended
                found.append((share, _Cover((*cover.tokens, self._pieces.tokens[place]), share, b"")))
            inside = self._pieces.sorted.mass(cover.probabilities, rest) - ended
            if inside > 0:
                found.append((cover.weight * inside, _Cover(cover.tokens, cover.weight, rest, cover.probabilities)))
        if found or self._respell is None:
            self._covers = self._kept(found)
        else:
            tokens = self._respell(self._best.tokens, self._best.rest + byte)
            self._covers = [_Cover(tuple(tokens), 1.0, b"")]
            self.respelled += 1

    def _kept(self, found: list[tuple[float, _Cover]]) -> list[_Cover]:
        """The covers whose share of the probability matters, their weights scaled so that the shares sum to one."""
        whole = math.fsum(share for share, _ in found)
        if not whole > 0:
            raise ValueError("the model gives this byte no probability")
        kept = [(share, cover) for share, cover in found if share >= self._negligible * whole]
        left = math.fsum(share for share, _ in kept)
        self.given_up += 1 - left / whole
        for _, cover in kept:
            cover.weight /= left
        return [cover for _, cover in kept]
