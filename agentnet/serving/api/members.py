"""Members as the API shows them: what they can, how much of it is proven, and how far their tests are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from agentnet.contracts.cards import Card, Measured
from agentnet.contracts.intervals import wilson
from agentnet.contracts.profiles import Profile, Standing, Timing
from agentnet.profiles.members import Profiled
from agentnet.profiles.progress import open_tests


class Ability(BaseModel):
    """What is known of a member at one kind of questions."""

    label: str
    accuracy: float = Field(description="share of right answers; of a claim: what is claimed")
    low: float = Field(description="95 % interval of the accuracy")
    high: float
    proven: float = Field(description="what the network goes by: the one-sided 95 % bound; 0 where nothing counts")
    questions: float = Field(description="that the accuracy is from; older ones count less")
    source: Literal["measured", "card", "trial", "claim"] = Field(
        description="measured here; vouched for by its card; answered on probation, which counts nothing; claimed"
    )


class TestShown(BaseModel):
    """A sequential test that is under way: it decides once its statistic reaches its bound."""

    name: Literal["floor", "expulsion", "drift"]
    label: str | None
    statistic: float = Field(description="likelihood ratio")
    bound: float
    right: int
    asked: int
    p0: float | None = Field(description="the accuracy that is compared with; null: each label's own")


class TimingShown(BaseModel):
    """The latest values of a quantity."""

    median: float | None
    p95: float | None
    count: int

    @classmethod
    def of(cls, timing: Timing) -> TimingShown:
        return cls(median=timing.median, p95=timing.p95, count=timing.count)


class SeatShown(BaseModel):
    """A member as one node serves it, and what was measured of it there."""

    node: str = Field(description="name of the node; empty: in process")
    standing: Standing
    since: datetime
    why: str
    updated: datetime
    canaries: int
    calls: float = Field(description="questions and turns; older ones count less")
    failures: float
    refusals: float
    seconds: TimingShown
    first_token: TimingShown
    speed: TimingShown = Field(description="tokens written in a second")
    cost: float
    tests: list[TestShown]


class Member(BaseModel):
    """A member of the network."""

    name: str
    kind: str = Field(description="llama, openai, node, human, …: what is behind it")
    pack: str
    card: Card
    nodes: tuple[str, ...] = Field(description="names of the nodes that serve it; empty: a member of the file")
    joined: bool = Field(description="whether it joined: the network file does not name it")
    probation: bool = Field(description="its answers weigh nothing yet")
    standing: Standing | None = Field(description="what was measured says of it; null where nothing was measured")
    abilities: list[Ability] = Field(description="by label, those of highest accuracy first")
    seats: list[SeatShown]


class Rules(BaseModel):
    """How the network measures its members while they work."""

    members: Literal["joined", "all", "none"] = Field(description="who is asked canaries")
    labels: list[str] = Field(description="the kinds of questions that canaries have")
    floor: float = Field(description="the accuracy that a newcomer must prove before it counts")
    half_life: float = Field(description="days after which evidence counts half")


class NetworkShown(BaseModel):
    """The network, as it is now."""

    name: str
    description: str
    protocol: str = Field(description="the protocol of those who name none")
    members: list[Member]
    epoch: int = Field(description="number of the latest change of its nodes")
    join: str = Field(description="the command with which a node joins")
    canaries: Rules


def rules_of(measured: Profiled) -> Rules:
    """Return how members are measured."""
    rules = measured.rules
    return Rules(
        members=rules.members, labels=sorted(measured.books.labels), floor=rules.floor, half_life=rules.half_life
    )


def abilities_of(card: Card, profiles: Sequence[Profile]) -> list[Ability]:
    """Return what is known of a member: by the card that the network goes by, by trials, and by its own word."""
    asked = {label for profile in profiles for label, evidence in profile.labels.items() if evidence.items}
    found = {label: _measured(label, one, here=label in asked) for label, one in card.measured.items()}
    for ability in _trials(profiles):
        found.setdefault(ability.label, ability)
    for label, share in card.claims.items():
        claim = Ability(label=label, accuracy=share, low=0, high=1, proven=0, questions=0, source="claim")
        found.setdefault(label, claim)
    return sorted(found.values(), key=lambda ability: (-ability.accuracy, ability.label))


def seat_of(measured: Profiled, profile: Profile, node: str) -> SeatShown:
    """Return what was measured of a member on a node, whose name is given."""
    return SeatShown(
        node=node,
        **profile.model_dump(include={"standing", "since", "why", "updated", "calls", "failures", "refusals", "cost"}),
        canaries=profile.canaries,
        seconds=TimingShown.of(profile.seconds),
        first_token=TimingShown.of(profile.first_token),
        speed=TimingShown.of(profile.speed),
        tests=[TestShown.model_validate(test, from_attributes=True) for test in open_tests(measured.books, profile)],
    )


def standing_of(profiles: Sequence[Profile]) -> Standing | None:
    """Return the standing of a member: the best of its seats'; None where nothing was measured."""
    standings = {profile.standing for profile in profiles}
    order: tuple[Standing, ...] = ("active", "probation", "expelled")
    return next((standing for standing in order if standing in standings), None)


def _measured(label: str, measured: Measured, *, here: bool) -> Ability:
    low, high = measured.interval or _interval(measured.accuracy, measured.items)
    return Ability(
        label=label,
        accuracy=measured.accuracy,
        low=low,
        high=high,
        proven=measured.least,
        questions=measured.items,
        source="measured" if here else "card",
    )


def _trials(profiles: Sequence[Profile]) -> Iterator[Ability]:
    """Yield what was answered where it counts nothing."""
    for label in dict.fromkeys(label for profile in profiles for label in profile.labels):
        known = [profile.labels[label] for profile in profiles if label in profile.labels]
        right, wrong = sum(one.right for one in known), sum(one.wrong for one in known)
        if right + wrong > 0:
            share = right / (right + wrong)
            low, high = _interval(share, right + wrong)
            yield Ability(
                label=label, accuracy=share, low=low, high=high, proven=0, questions=right + wrong, source="trial"
            )


def _interval(share: float, count: float) -> tuple[float, float]:
    found = wilson(share, count)
    return found.low, found.high
