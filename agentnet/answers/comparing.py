"""Comparing answers, for votes, consensus and scoring."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import fsum

_NUMBER = re.compile(r"([-+]?)([0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.([0-9]+))?(%?)")


def normalise(answer: str) -> str:
    """Return the form in which answers are compared.

    Case, surrounding white space, quotes and emphasis, a final full stop and repeated spaces are ignored. Numbers of
    any length are compared by value: ``1,416.0`` is ``1416``, ``+5`` is ``5``; a per cent sign is kept.
    """
    text = " ".join(answer.split()).lstrip("\"'`* ").rstrip("\"'`*. ").casefold()
    number = _NUMBER.fullmatch(text)
    if number is None:
        return text
    sign, whole, fraction, percent = number.groups(default="")
    whole, fraction = whole.replace(",", "").lstrip("0") or "0", fraction.rstrip("0")
    value = f"{whole}.{fraction}" if fraction else whole
    return f"{'-' if sign == '-' and value != '0' else ''}{value}{percent}"


def same(one: str, other: str) -> bool:
    """Return whether two answers are equal after normalisation."""
    return normalise(one) == normalise(other)


def plurality(answers: Sequence[str], weights: Sequence[float] | None = None) -> tuple[list[int], dict[str, float]]:
    """Return the indices of the equal answers with the largest total weight, and the total weight of each answer.

    Of equally supported answers, the first wins. The keys of the second value are the answers as first written.
    """
    weights = weights or [1.0] * len(answers)
    pools: dict[str, list[int]] = {}
    for index, answer in enumerate(answers):
        pools.setdefault(normalise(answer), []).append(index)
    support = {key: fsum(weights[index] for index in indices) for key, indices in pools.items()}
    winner = max(support, key=lambda key: (support[key], -pools[key][0]))
    return pools[winner], {answers[indices[0]]: support[key] for key, indices in pools.items()}
