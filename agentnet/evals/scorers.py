"""How right an extracted answer is, from 0 to 1: small pure functions, by name."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Protocol

from agentnet.answers import normalise, same
from agentnet.answers.extractors import members
from agentnet.answers.extractors import yes_no as verdict
from agentnet.answers.numbers import value
from agentnet.contracts.evaluations import Item


class Scorer(Protocol):
    """`tolerance` is of numbers: the largest difference that is still right."""

    def __call__(self, extracted: str, item: Item, tolerance: float = 0.0) -> float: ...


def is_same(extracted: str, item: Item, tolerance: float = 0.0) -> float:
    """Agrees with one of the answers, as votes understand it (`agentnet.answers`)."""
    return float(any(same(extracted, answer) for answer in item.answers))


def number(extracted: str, item: Item, tolerance: float = 0.0) -> float:
    """Is worth as much as one of the answers, exactly or within the tolerance: ``1/2`` is ``0.5``."""
    said = value(extracted)
    if said is None:
        return is_same(extracted, item)
    allowed = Fraction(repr(tolerance))
    return float(any(gold is not None and abs(said - gold) <= allowed for gold in map(value, item.answers)))


def choice(extracted: str, item: Item, tolerance: float = 0.0) -> float:
    """Is the letter of the right choice, or its text."""
    letter = extracted.strip(" ()[].:*")
    return is_same(letter if len(letter) == 1 else extracted, item)


def yes_no(extracted: str, item: Item, tolerance: float = 0.0) -> float:
    """Says yes (or true) where that is right, no (or false) where that is."""
    said = verdict(extracted)
    return float(any(same(said, verdict(answer)) for answer in item.answers))


def exact_set(extracted: str, item: Item, tolerance: float = 0.0) -> float:
    """Has just the members that it should have, in any order."""
    return float(members(extracted) == _gold(item))


def f1(extracted: str, item: Item, tolerance: float = 0.0) -> float:
    """The harmonic mean of precision and recall over the members of the set."""
    said, gold = members(extracted), _gold(item)
    return 2 * len(said & gold) / (len(said) + len(gold)) if said or gold else 1.0


def contains(extracted: str, item: Item, tolerance: float = 0.0) -> float:
    """Has one of the answers in it, as whole words."""
    said = f" {' '.join(_words(extracted))} "
    return float(any(f" {' '.join(words)} " in said for answer in item.answers if (words := _words(answer))))


def words(extracted: str, item: Item, tolerance: float = 0.0) -> float:
    """Has the same words in the same order as one of the answers; commas, lines and case do not count."""
    said = _words(extracted)
    return float(any(said == _words(answer) for answer in item.answers))


def _words(text: str) -> list[str]:
    return [word for part in re.split(r"[\s,;]+", text) if (word := normalise(part.strip("()[]?!:")))]


def _gold(item: Item) -> frozenset[str]:
    return frozenset().union(*(members(answer) for answer in item.answers))


SCORERS: dict[str, Scorer] = {
    "same": is_same,
    "number": number,
    "choice": choice,
    "yes-no": yes_no,
    "set": exact_set,
    "f1": f1,
    "contains": contains,
    "words": words,
}
