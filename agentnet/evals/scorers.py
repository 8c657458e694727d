"""How right an extracted answer is: pure functions by name, each with a score from 0 to 1."""

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
    """Scores an extracted answer. `tolerance` is the largest difference of numbers that is still right."""

    def __call__(self, extracted: str, item: Item, tolerance: float = 0.0) -> float: ...


def is_same(extracted: str, item: Item, tolerance: float = 0.0) -> float:
    """Return 1 for an answer that votes would count as equal to a right one (`agentnet.answers`)."""
    return float(any(same(extracted, answer) for answer in item.answers))


def number(extracted: str, item: Item, tolerance: float = 0.0) -> float:
    """Return 1 for a number of the right value, exactly or within the tolerance: ``1/2`` is ``0.5``."""
    said = value(extracted)
    if said is None:
        return is_same(extracted, item)
    allowed = Fraction(repr(tolerance))
    return float(any(gold is not None and abs(said - gold) <= allowed for gold in map(value, item.answers)))


def choice(extracted: str, item: Item, tolerance: float = 0.0) -> float:
    """Return 1 for the letter of the right choice, or for its text."""
    letter = extracted.strip(" ()[].:*")
    return is_same(letter if len(letter) == 1 else extracted, item)


def yes_no(extracted: str, item: Item, tolerance: float = 0.0) -> float:
    """Return 1 for a yes (or true) where yes is right, and for a no (or false) where no is right."""
    said = verdict(extracted)
    return float(any(same(said, verdict(answer)) for answer in item.answers))


def exact_set(extracted: str, item: Item, tolerance: float = 0.0) -> float:
    """Return 1 for a list with exactly the right members, in any order."""
    return float(members(extracted) == _gold(item))


def f1(extracted: str, item: Item, tolerance: float = 0.0) -> float:
    """Return the harmonic mean of precision and recall over the members of the set."""
    said, gold = members(extracted), _gold(item)
    return 2 * len(said & gold) / (len(said) + len(gold)) if said or gold else 1.0


def contains(extracted: str, item: Item, tolerance: float = 0.0) -> float:
    """Return 1 for a text that contains a right answer as whole words."""
    said = f" {' '.join(_words(extracted))} "
    return float(any(f" {' '.join(words)} " in said for answer in item.answers if (words := _words(answer))))


def words(extracted: str, item: Item, tolerance: float = 0.0) -> float:
    """Return 1 for the words of a right answer in their order; commas, lines and case do not count."""
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
