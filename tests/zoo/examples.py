"""Additions with their steps: a stream of training examples that needs nothing but this file."""

from __future__ import annotations

import random
from collections.abc import Iterator


def additions(seed: int) -> Iterator[tuple[str, str]]:
    """``347+285`` and ``7+5=12,4+8+1=13,3+2+1=6 => 632``, without end."""
    rng = random.Random(seed)
    while True:
        a, b = rng.randrange(1000), rng.randrange(1000)
        yield f"{a}+{b}", f"{_steps(a, b)} => {a + b}"


def _steps(a: int, b: int) -> str:
    steps, carry = [], 0
    for x, y in zip(f"{a:03d}"[::-1], f"{b:03d}"[::-1], strict=True):
        terms = [x, y, *(["1"] if carry else [])]
        total = sum(map(int, terms))
        steps.append(f"{'+'.join(terms)}={total}")
        carry = total // 10
    return ",".join(steps)
