"""Policies: what was learned about which system to use for which kind of question, with the evidence."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, model_validator

from agentnet.contracts.base import FileModel
from agentnet.contracts.cards import Label, Share
from agentnet.contracts.protocols import Expression
from agentnet.files.names import suggestion

ALL = "*"
"""The label of an estimate over all calibration items, and of a choice for every kind that has none of its own."""

Finite = Annotated[float, Field(allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Exchange(FileModel):
    """What accuracy is worth: utility = accuracy - price × cost - second × seconds - token × tokens / 1000."""

    price: NonNegative = Field(default=0.0, description="share of accuracy that one unit of money is worth")
    second: NonNegative = Field(default=0.0, description="share of accuracy that a second is worth")
    token: NonNegative = Field(default=0.0, description="share of accuracy that 1,000 tokens are worth")


class Candidate(FileModel):
    """A system of the portfolio, bound to the members of the network."""

    name: str = Field(max_length=200)
    protocol: Expression
    member: bool = Field(default=False, description="one member alone")


class Estimate(FileModel):
    """What one candidate did on the calibration items of one label (``*``: all of them)."""

    candidate: str
    label: str
    items: int = Field(ge=1)
    accuracy: Share
    tokens: NonNegative = Field(description="mean per item, prompts and replies")
    seconds: NonNegative = Field(description="mean per item")
    cost: NonNegative = 0.0


class Choice(FileModel):
    """What is used for one kind of question, and the evidence for it."""

    label: Label | Literal["*"] = Field(description="the kind; ``*``: every kind that has no choice of its own")
    use: str = Field(description="name of a candidate")
    instead_of: str = Field(description="name of the default, against which the gain was tested")
    gain: Finite = Field(default=0.0, description="mean paired gain in utility")
    gain_low: Finite = Field(default=0.0, description="its lower confidence bound, corrected for all looks")
    items: int = Field(default=0, ge=0, description="items of the test, none of which proposed the candidate")
    why: str = Field(default="", description="one plain sentence")


class PolicyNetwork(FileModel):
    """The network that a policy was learned on: its members' models, packs and sampling."""

    name: str
    members: dict[str, str] = Field(description="name → fingerprint of its model, pack and sampling")


class Policy(FileModel):
    """The content of a policy file."""

    version: Literal[1] = 1
    network: PolicyNetwork
    created: AwareDatetime
    suite: str = Field(default="", description="the calibration questions, precisely enough to ask them again")
    seed: int = 0
    exchange: Exchange = Exchange()
    epsilon: Share = Field(default=0.01, description="tolerated loss of accuracy against the default")
    delta: Share = Field(default=0.1, description="probability with which a larger loss is accepted")
    explore: Share = Field(default=0.0, description="share of the questions on which another candidate may be tried")
    candidates: tuple[Candidate, ...] = Field(min_length=1)
    default: str = Field(description="name of the candidate that is used where nothing else is better for certain")
    choices: tuple[Choice, ...] = ()
    estimates: tuple[Estimate, ...] = ()
    analyzer: dict[str, Any] | None = Field(default=None, description="see `agentnet.analysis`; None: labels are given")

    @model_validator(mode="after")
    def _names_its_own_candidates(self) -> Policy:
        names = [candidate.name for candidate in self.candidates]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two candidates are called {min(twice)!r}")
        if self.default not in names:
            raise ValueError(f"default: no candidate {self.default!r}{suggestion(self.default, names)}")
        for choice in self.choices:
            if choice.use not in names:
                raise ValueError(f"choices: no candidate {choice.use!r}{suggestion(choice.use, names)}")
        return self

    def candidate(self, name: str) -> Candidate:
        """Return a candidate by its name. Raises `KeyError`."""
        return next(candidate for candidate in self.candidates if candidate.name == name)
