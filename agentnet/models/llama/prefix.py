"""Common beginnings of token sequences."""

from __future__ import annotations

from collections.abc import Sequence

WORTH = 16
"""Tokens that a longer match must save before it is worth a copy from RAM, or waiting for."""


def common_prefix(one: Sequence[int], other: Sequence[int], limit: int) -> int:
    """How many tokens both begin with, at most `limit`. Compares slices, which runs at the speed of C."""
    low, high = 0, min(limit, len(one), len(other))
    step = 32
    while low < high:
        end = min(high, low + step)
        if one[low:end] == other[low:end]:
            low, step = end, step * 2
        elif end - low == 1:
            return low
        else:
            high, step = end, max(1, (end - low) // 2)
    return low
