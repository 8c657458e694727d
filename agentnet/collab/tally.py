"""An open vote: whether the answers that are left could still change its decision.

The decision is that of `agentnet.answers.plurality`: the answer with the most weight, and of equally weighty ones the
one that was listed first. Members are asked in the order in which their answers are listed. Sums are rounded once
(`fsum`), so more weight never gives a smaller sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum

NEW = "\0"
"""Stands for an answer that no member gave so far."""


@dataclass(frozen=True, slots=True)
class Tally:
    """The answers so far, normalised, with their weights; and the most that each member who is left can weigh."""

    answers: tuple[str, ...]
    weights: tuple[float, ...]
    left: tuple[float, ...]
    quorum: int = 1
    """The fewest answers with which the vote decides at all."""

    def decided(self) -> bool:
        """Return whether the winner is certain, whatever the members that are left say, and whether or not they do."""
        if len(self.answers) < max(1, self.quorum):
            return False
        pools: dict[str, list[float]] = {}
        for answer, weight in zip(self.answers, self.weights, strict=True):
            pools.setdefault(answer, []).append(weight)
        support = {answer: fsum(weights) for answer, weights in pools.items()}
        winner = max(pools, key=lambda answer: support[answer])  # the first listed of equal ones
        listed_before = True
        for answer, weights in pools.items():
            if answer == winner:
                listed_before = False
                continue
            most = fsum((*weights, *self.left))
            if most > support[winner] or (most == support[winner] and listed_before):
                return False
        return fsum(self.left) <= support[winner]

    def needed(self) -> int:
        """Return the fewest members that must be asked next before the vote can be decided; at least 1."""
        return min(self._needed_for(answer) for answer in (NEW, *dict.fromkeys(self.answers)))

    def _needed_for(self, answer: str) -> int:
        """The fewest further votes for one answer that decide: once a vote is decided, it stays so."""
        low, high = 1, len(self.left)
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self._with(answer, middle).decided() else (middle + 1, high)
        return low

    def _with(self, answer: str, votes: int) -> Tally:
        answers: Sequence[str] = (*self.answers, *(answer,) * votes)
        return Tally(tuple(answers), (*self.weights, *self.left[:votes]), self.left[votes:], self.quorum)
