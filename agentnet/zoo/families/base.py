"""What every task family of the zoo provides: items with a worked solution, and a split that cannot leak."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal, Protocol

Split = Literal["train", "test"]

MARKER = "=>"
"""Stands before the final answer in every worked solution (the compact prompt pack's answer marker)."""


def comparison(own: str, other: str, signs: int = 8) -> str:
    """`other`, then both texts sign by sign, each pair marked ``=`` or ``!``: a scratchpad for "is it the same?".

    A tiny model cannot tell at a glance whether two texts far apart are equal; two letters side by side it can.
    """
    pairs = zip_longest(own[:signs].replace(" ", "_"), other[:signs].replace(" ", "_"), fillvalue=".")
    return f"{other}: " + "".join(f"{one}{two}{'=' if one == two else '!'}" for one, two in pairs)


@dataclass(frozen=True, slots=True)
class Hop:
    """One step of a compound item: `ask` may refer to the answer of an earlier step as ``#1``, ``#2`` …"""

    label: str
    ask: str


@dataclass(frozen=True, slots=True)
class Item:
    """One question with its worked solution, which ends with ``=> answer``."""

    family: str
    question: str
    answer: str
    solution: str
    wrong: tuple[str, ...] = ()
    """Plausible wrong answers, at least two, in the same form as `answer`."""
    plan: tuple[Hop, ...] = ()
    """Compound items only: the hops that solve it, in order."""
    key: str = ""
    """What must not be met in training if the item is held out: its worked solution where that is as good as unique to
    the problem (so no rewording of a held-out sum is ever trained on), else the question."""


class Family(Protocol):
    """A generator of items. Equal random states give equal items."""

    name: str

    def generate(self, rng: random.Random) -> Item: ...


def split_of(item: Item) -> Split:
    """The split of an item: one in ten, by hash of its key, is held out for ever."""
    digest = hashlib.sha256((item.key or item.question).encode()).digest()
    return "test" if digest[0] % 10 == 0 else "train"


def items(family: Family, split: Split, seed: int) -> Iterator[Item]:
    """An endless stream of items of one split, reproducible by seed."""
    rng = random.Random(f"{family.name}/{split}/{seed}")
    while True:
        item = family.generate(rng)
        if split_of(item) == split:
            yield item


def distinct(family: Family, split: Split, seed: int, count: int) -> list[Item]:
    """`count` items with different questions."""
    found: dict[str, Item] = {}
    for item in items(family, split, seed):
        found.setdefault(item.question, item)
        if len(found) == count:
            return list(found.values())
    raise AssertionError("the stream of items is endless")
