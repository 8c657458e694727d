"""An agent's card: what is known of it. Claims are a prior; measurements decide."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import AwareDatetime, Field, model_validator

from agentnet.contracts.base import FileModel

Share = Annotated[float, Field(ge=0, le=1)]


class Measured(FileModel):
    """A share of right answers on held-out items of one label, and how it was measured.

    A card maps each label to one of these. `agentnet.network.measuring` makes them; what a card of an earlier version
    lacks is None.
    """

    accuracy: float = Field(ge=0, le=1)
    items: int = Field(ge=1)
    suite: str = Field(default="", description="what was asked, precisely enough to ask it again")
    interval: tuple[Share, Share] | None = Field(default=None, description="95 % interval of the accuracy")
    seed: int | None = Field(default=None, description="which items were drawn, or which seed the runs had")
    seconds: float | None = Field(default=None, ge=0, description="median latency, on the machine that measured")
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
    """Declared facts and measured capability.

    `roles` are the duties that it may be given: ``solver``, ``planner``, ``verifier``, ``judge``, ``aggregator``.
    Protocols select agents by them. `claims` are unproven scores per label, used only where nothing was measured.
    """

    description: str = ""
    roles: tuple[str, ...] = ("solver",)
    claims: dict[str, float] = Field(default_factory=dict)
    measured: dict[str, Measured] = Field(default_factory=dict)
    price: Price = Price()
    license: str = ""
    parameters: int | None = Field(default=None, ge=0)

    def score(self, label: str | None) -> float | None:
        """Capability for a label: measured, else claimed, else None. Without a label: the mean over known labels."""
        if label is not None:
            found = self.measured.get(label)
            return found.accuracy if found else self.claims.get(label)
        known = {**self.claims, **{name: measured.accuracy for name, measured in self.measured.items()}}
        return sum(known.values()) / len(known) if known else None

    def rank(self, label: str | None) -> tuple[float, float]:
        """What agents are compared by, the highest first: the score (0 if unknown), then the smaller model."""
        return self.score(label) or 0.0, -(self.parameters if self.parameters is not None else math.inf)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of which anything is known, best first."""
        names = {*self.claims, *self.measured}
        return tuple(sorted(names, key=lambda name: (-(self.score(name) or 0.0), name)))
