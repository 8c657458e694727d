"""An agent's card: its declared facts and its measured capability. Measurements take precedence over claims."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import AwareDatetime, Field, model_validator

from agentnet.contracts.base import FileModel

Share = Annotated[float, Field(ge=0, le=1)]


class Measured(FileModel):
    """A share of right answers on held-out items of one label, and how it was measured.

    A card maps each label to a `Measured`, which `agentnet.network.measuring` makes. Fields that a card of an earlier
    version lacks are None.
    """

    accuracy: float = Field(ge=0, le=1)
    items: int = Field(ge=1)
    suite: str = Field(default="", description="the questions, precisely enough to ask them again")
    interval: tuple[Share, Share] | None = Field(default=None, description="95 % interval of the accuracy")
    seed: int | None = Field(default=None, description="seed of the drawn items, or of the runs")
    seconds: float | None = Field(default=None, ge=0, description="median latency on the measuring machine")
    measured_at: AwareDatetime | None = Field(default=None, description="when measuring began, with its time zone")

    @model_validator(mode="after")
    def _in_order(self) -> Measured:
        if self.interval is not None and self.interval[0] > self.interval[1]:
            raise ValueError(f"interval {self.interval}: the lower bound comes first")
        return self


class Price(FileModel):
    """Money per million tokens, in the currency of the network's owner."""

    prompt: float = Field(default=0.0, ge=0)
    completion: float = Field(default=0.0, ge=0)


class Card(FileModel):
    """Declared facts and measured capability of an agent.

    `roles` are the agent's possible duties: ``solver``, ``planner``, ``verifier``, ``judge``, ``aggregator``. Protocols
    select agents by them. `claims` are unverified scores per label, used only for labels without a measurement.
    """

    description: str = ""
    roles: tuple[str, ...] = ("solver",)
    claims: dict[str, float] = Field(default_factory=dict)
    measured: dict[str, Measured] = Field(default_factory=dict)
    price: Price = Price()
    license: str = ""
    parameters: int | None = Field(default=None, ge=0)

    def score(self, label: str | None) -> float | None:
        """Return the score for a label: measured, else claimed, else None. Without a label: the mean of all labels."""
        if label is not None:
            measured = self.measured.get(label)
            return measured.accuracy if measured else self.claims.get(label)
        known = {**self.claims, **{name: measured.accuracy for name, measured in self.measured.items()}}
        return sum(known.values()) / len(known) if known else None

    def rank(self, label: str | None) -> tuple[float, float]:
        """Return the sort key of agents, the highest first: the score (0 if unknown), then the smaller model."""
        return self.score(label) or 0.0, -(self.parameters if self.parameters is not None else math.inf)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels with a measurement or a claim, best first."""
        names = {*self.claims, *self.measured}
        return tuple(sorted(names, key=lambda name: (-(self.score(name) or 0.0), name)))
