"""A drawn question before it becomes an `Item`: the worked steps and the answer still apart."""

from __future__ import annotations

from typing import NamedTuple

from agentnet.zoo.families.base import MARKER, Item

MAX_WRONG = 3

TELLING = 8
"""Steps of at least this many characters identify their problem; many problems share shorter ones (``G1``)."""


class Problem(NamedTuple):
    """`wrong` lists candidates, the most plausible first; duplicates and the answer itself may be among them."""

    question: str
    steps: str
    answer: str
    wrong: tuple[str, ...]

    def item(self, family: str) -> Item:
        """The finished item, with at most three different wrong answers."""
        wrong = tuple(text for text in dict.fromkeys(self.wrong) if text != self.answer)[:MAX_WRONG]
        solution = f"{self.steps} {MARKER} {self.answer}"
        key = solution if len(self.steps) >= TELLING else self.question
        return Item(family, self.question, self.answer, solution, wrong, key=key)
