"""An agent's card: its declared facts and its measured capability.

A measurement always ranks above a claim, however high: a claim costs nothing. Measurements count by their lower bound,
so that one lucky answer says little.
"""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import AwareDatetime, Field, model_validator

from agentnet.contracts.base import FileModel
from agentnet.contracts.intervals import lower_bound

Share = Annotated[float, Field(ge=0, le=1)]
Label = Annotated[str, Field(pattern=r"^[^\W_][\w:.+/ -]*$", max_length=64)]
"""The name of a kind of tasks, such as ``math`` or ``verify:math``: one short line, since planners read labels."""

DUTIES: dict[str, tuple[str, ...]] = {
    "planner": ("plan",),
    "verifier": ("verify", "judge"),
    "judge": ("choose", "judge", "verify"),
}
"""The roles in which one agent decides for all, and the labels (or what precedes their colon) that measure it."""

LEAST_ITEMS = 20
"""The fewest questions that measure an agent in such a role."""


class Measured(FileModel):
    """A share of right answers on held-out items of one label, and how it was measured.

    A card maps each label to a `Measured`, which `agentnet.network.measuring` makes. Fields that a card of an earlier
    version lacks are None.
    """

    accuracy: float = Field(ge=0, le=1)
    items: int = Field(ge=1, le=10**9)
    suite: str = Field(default="", description="the questions, precisely enough to ask them again")
    interval: tuple[Share, Share] | None = Field(default=None, description="95 % interval of the accuracy")
    seed: int | None = Field(default=None, description="seed of the drawn items, or of the runs")
    seconds: float | None = Field(
        default=None, ge=0, allow_inf_nan=False, description="median latency on the measuring machine"
    )
    measured_at: AwareDatetime | None = Field(default=None, description="when measuring began, with its time zone")

    @model_validator(mode="after")
    def _in_order(self) -> Measured:
        if self.interval is not None and self.interval[0] > self.interval[1]:
            raise ValueError(f"interval {self.interval}: the lower bound comes first")
        return self

    @property
    def least(self) -> float:
        """The accuracy that the answers prove, with 95 % certainty: the score by which cards are compared."""
        return lower_bound(self.accuracy, self.items)


class Price(FileModel):
    """Money per million tokens, in the currency of the network's owner."""

    prompt: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    completion: float = Field(default=0.0, ge=0, allow_inf_nan=False)


class Card(FileModel):
    """Declared facts and measured capability of an agent.

    `roles` are the agent's possible duties: ``solver``, ``planner``, ``verifier``, ``judge``, ``aggregator``. Protocols
    select agents by them. `claims` are unverified scores per label. They rank agents among which none was measured, and
    weigh nothing in a vote.
    """

    description: str = ""
    roles: tuple[str, ...] = ("solver",)
    claims: dict[Label, Share] = Field(default_factory=dict)
    measured: dict[Label, Measured] = Field(default_factory=dict)
    price: Price = Price()
    license: str = ""
    parameters: int | None = Field(default=None, ge=0)

    def proven(self, label: str | None) -> float | None:
        """Return the lower bound of the measured accuracy at a label; without a label, the mean over measured labels.

        None where nothing was measured.
        """
        if label is not None:
            return self.measured[label].least if label in self.measured else None
        bounds = [measured.least for measured in self.measured.values()]
        return sum(bounds) / len(bounds) if bounds else None

    def score(self, label: str | None) -> float | None:
        """Return the score for a label: what is proven, else what is claimed, else None.

        Without a label, it is the mean of all proven scores, else of all claims.
        """
        proven = self.proven(label)
        if proven is not None:
            return proven
        if label is not None:
            return self.claims.get(label)
        return sum(self.claims.values()) / len(self.claims) if self.claims else None

    def rank(self, label: str | None) -> tuple[bool, float, float]:
        """Return the sort key of agents, the highest first: measured ones, then the score (0 if unknown).

        Of equally good measured ones, the smaller model comes first.
        """
        measured = self.proven(label) is not None
        size = self.parameters if measured and self.parameters is not None else math.inf
        return measured, self.score(label) or 0.0, -size

    def proven_at(self, role: str) -> bool:
        """Return whether the agent was measured at a role of `DUTIES`, with at least `LEAST_ITEMS` questions."""
        labels = DUTIES.get(role, ())
        return any(
            label.partition(":")[0] in labels and measured.items >= LEAST_ITEMS
            for label, measured in self.measured.items()
        )

    def as_claims(self) -> Card:
        """Return the card as the agent's own word: what it says was measured is a claim."""
        if not self.measured:
            return self
        said = {label: measured.accuracy for label, measured in self.measured.items()}
        return self.model_copy(update={"claims": {**said, **self.claims}, "measured": {}})

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels with a measurement or a claim, best first."""
        names = {*self.claims, *self.measured}
        return tuple(sorted(names, key=lambda name: (-(self.score(name) or 0.0), name)))
