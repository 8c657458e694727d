"""A row of logits, ranked no further than a choice needs: neither sorted nor copied in double precision."""

from __future__ import annotations

import math
from collections.abc import Collection
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from agentnet.errors import ModelError
from agentnet.models.tokens import LogitsRow

FOLDS = 128
"""Tokens of a column: a row is folded into columns, and only the columns with the greatest maxima are looked at."""
SPARSE = 8
"""Columns for each token that is wanted: with fewer, folding does not pay."""


class Ranking:
    """The tokens of a row from the greatest logit down, and the logarithm of the sum of all exponentials."""

    def __init__(self, row: LogitsRow, barred: Collection[int] = ()) -> None:
        """`barred` tokens are impossible: the row says so from now on.

        Raises `ModelError` where a logit is not a number.
        """
        row[list(barred)] = -np.inf
        self.row = row
        columns = len(row) // FOLDS
        self._folded = row[: columns * FOLDS].reshape(FOLDS, columns)
        self._rest = row[columns * FOLDS :]
        self._peaks = self._folded.max(axis=0)
        self._top = np.maximum(self._peaks.max(initial=-np.inf), self._rest.max(initial=-np.inf))
        if not math.isfinite(self._top):
            raise ModelError("its logits are not numbers; is the file damaged?")

    @cached_property
    def logsumexp(self) -> float:
        """log Σ exp(logit): what turns logits into log-probabilities. Summed in single precision, pairwise."""
        weights = self.row - self._top
        np.exp(weights, out=weights)
        return float(self._top) + math.log(float(weights.sum()))

    def greatest(self, count: int) -> tuple[list[int], list[float]]:
        """Return the `count` tokens with the greatest logits, and those logits; of equal ones, the lowest token first.

        Impossible tokens are never among them.
        """
        tokens = self._at_least(count)
        values = self.row[tokens]
        possible = values > -np.inf
        tokens, values = tokens[possible], values[possible]
        order = np.lexsort((tokens, -values))[:count]
        return tokens[order].tolist(), values[order].tolist()

    def _at_least(self, count: int) -> NDArray[np.intp]:
        """Return tokens among which the `count` greatest are.

        The `count` greatest maxima of columns are maxima of different columns: what is less than all of them is not
        among the greatest.
        """
        columns = len(self._peaks)
        if count * SPARSE > columns:
            if count >= len(self.row):
                return np.arange(len(self.row))
            return np.flatnonzero(self.row >= np.partition(self.row, -count)[-count])
        least = np.partition(self._peaks, -count)[-count]
        high = np.flatnonzero(self._peaks >= least)
        fold, column = np.nonzero(self._folded[:, high] >= least)
        folded = fold * columns + high[column]
        return np.concatenate([folded, np.flatnonzero(self._rest >= least) + columns * FOLDS])
