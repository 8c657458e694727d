"""Common prefixes of token sequences."""

from __future__ import annotations

from collections.abc import Sequence

WORTH = 16
"""Tokens that a longer match must save to be worth a copy from RAM, or a wait."""


def common_prefix(left: Sequence[int], right: Sequence[int], limit: int) -> int:
    """Return how many tokens both sequences begin with, at most `limit`. Compares slices, at the speed of C."""
    low, high = 0, min(limit, len(left), len(right))
    step = 32
    while low < high:
        end = min(high, low + step)
        if left[low:end] == right[low:end]:
            low, step = end, step * 2
        elif end - low == 1:
            return low
        else:
            high, step = end, max(1, (end - low) // 2)
    return low
