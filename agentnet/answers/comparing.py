"""When two answers are the same answer. Used by votes, consensus and scoring alike."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NUMBER = re.compile(r"([-+]?)([0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.([0-9]+))?(%?)")


def normalise(answer: str) -> str:
    """The form in which answers are compared.

    Case, surrounding white space, quotes and emphasis, a final full stop and repeated spaces do not count. Numbers are
    compared by value, however long: ``1,416.0`` is ``1416``, ``+5`` is ``5``; a per cent sign stays.
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
    """Whether two answers agree after normalisation."""
    return normalise(one) == normalise(other)


def plurality(answers: Sequence[str], weights: Sequence[float] | None = None) -> tuple[list[int], dict[str, float]]:
    """The places of the answers that agree and weigh most together, and the weight behind each different answer.

    Of equally supported answers, the one that was listed first wins. Each answer is called as it was first written.
    """
    weights = weights or [1.0] * len(answers)
    pools: dict[str, list[int]] = {}
    for place, answer in enumerate(answers):
        pools.setdefault(normalise(answer), []).append(place)
    support = {key: sum(weights[place] for place in places) for key, places in pools.items()}
    winner = max(support, key=lambda key: (support[key], -pools[key][0]))
    return pools[winner], {answers[places[0]]: support[key] for key, places in pools.items()}
