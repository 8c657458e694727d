"""How far two members err together: what one knows, a collaboration can only use where the other errs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def phi(one: Sequence[bool], other: Sequence[bool]) -> float | None:
    """The phi (Matthews) coefficient of two members' right answers, from -1 to 1, and equally that of their errors.

    Shape of both: [items]. 1: they err on the same items; 0: independently. `None` where one of them is always right
    or always wrong, so that nothing can go together. Raises `ValueError` where the items are not the same.
    """
    if len(one) != len(other):
        raise ValueError("phi needs the same items on both sides")
    first, second = np.asarray(one, dtype=bool), np.asarray(other, dtype=bool)
    if any(not len(answers) or answers.all() or not answers.any() for answers in (first, second)):
        return None
    return float(np.corrcoef(first, second)[0, 1])
