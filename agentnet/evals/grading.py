"""Draft."""

from __future__ import annotations

from dataclasses import dataclass

from agentnet.answers import same
from agentnet.contracts.evaluations import Item


@dataclass(frozen=True)
class Grading:
    judge: str | None = None

    def score(self, answer: str, item: Item) -> float | None:
        return float(any(same(answer, one) for one in item.answers))

    @classmethod
    def of_type(cls, answer):
        return cls()
