"""What the tokens of a row weigh, in the order of their bytes: the mass of a beginning is the sum of neighbours."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from agentnet.errors import ModelError
from agentnet.fusion.byte_vocabulary import Beginning, ByteVocabulary
from agentnet.models.tokens import LogitsRow

Masses = NDArray[np.float64]
"""Sums of weights, by the bytes that follow a `Beginning`: float64, shape (following bytes,)."""


class TokenWeights:
    """The exponentials of a row's logits. They are proportions: `total` makes them probabilities.

    They are computed in single precision and added in double precision, along the path of a text only: the tokens that
    begin with its first byte, of those the ones that continue with its second, and so on. Sums, rather than differences
    of cumulative ones, keep their precision where the text is unlikely.
    """

    def __init__(self, vocabulary: ByteVocabulary, row: LogitsRow) -> None:
        """Raises `ModelError` where a logit is not a number."""
        in_order = row.take(vocabulary.order, mode="clip")
        ends = row[list(vocabulary.ends)]
        top = np.maximum(in_order.max(initial=-np.inf), ends.max(initial=-np.inf))
        if not math.isfinite(top):
            raise ModelError("its logits are not numbers; is the file damaged?")
        in_order -= top
        np.exp(in_order, out=in_order)
        self._in_order = in_order.astype(np.float64)
        self._root = vocabulary.beginning(b"")
        self._last: tuple[Beginning, Masses] | None = None
        self.end = float(np.exp(ends - top).sum(dtype=np.float64))
        """What the end tokens weigh together."""

    @cached_property
    def total(self) -> float:
        """What all tokens weigh together."""
        return float(self.following(self._root).sum()) + self.end

    def alone(self, beginning: Beginning) -> float:
        """Return what the tokens weigh that say just this."""
        first = beginning.low
        return math.fsum(self._in_order.item(place) for place in range(first, first + beginning.alone))

    def following(self, beginning: Beginning) -> Masses:
        """Return what the tokens weigh that continue a beginning, by the byte that follows it."""
        if self._last is None or self._last[0] is not beginning:
            masses = np.zeros(0)
            if len(beginning.following):
                masses = np.add.reduceat(self._in_order[beginning.low : beginning.high], beginning.starts)
            self._last = beginning, masses
        return self._last[1]
