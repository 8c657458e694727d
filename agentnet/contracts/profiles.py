"""Profiles: what was measured of a network's members, and whether their answers count."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from agentnet.contracts.base import FileModel, WireModel
from agentnet.contracts.cards import Label, Share
from agentnet.contracts.intervals import beta_lower

Standing = Literal["probation", "active", "expelled"]
"""`probation`: its answers weigh nothing until it has proven itself; `expelled`: a test found it intolerable, and it
comes back only through probation, under the same key."""

Source = Literal["card", "calibration", "canary", "outcome", "traffic"]
"""Where evidence comes from. `card`: measurements that the network's owner vouches for; `calibration`: questions that
the owner put to the member; `canary`: a question with a known answer among its other work; `outcome`: a user said
whether a run's answer was right; `traffic`: work whose answer nobody knows, which tells speed and failures."""

Reply = Literal["answered", "refused", "unreadable", "failed"]
"""What came of a question. `unreadable`: not in the form of its role; `failed`: the model could not be asked."""

Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Seat(WireModel):
    """A member as one node serves it: what a profile is about. Replicas of a member have a seat each."""

    member: str
    digest: str = Field(default="", description="of its model, its pack and its sampling")
    node: str = Field(default="", description="public key of the node; empty for a member in process")


class Observation(WireModel):
    """One question that was put to a member, and what came of it."""

    seat: Seat
    source: Source
    label: Label | None = None
    question: str = Field(default="", description="digest of the question, so that none is asked twice")
    reply: Reply = "answered"
    right: bool | None = Field(default=None, description="None where the right answer is not known, or none was given")
    suite: str = Field(default="", description="the questions, precisely enough to ask them again")
    seed: int | None = None
    run: str = Field(default="", description="the run that it was a part of, for outcomes and traffic")
    time: AwareDatetime
    seconds: Amount | None = Field(default=None, description="from question to answer")
    first_token: Amount | None = Field(default=None, description="seconds to the first piece, where it was streamed")
    prompt_tokens: int = Field(default=0, ge=0)
    tokens: int = Field(default=0, ge=0, description="written")
    cost: Amount = 0.0


class Evidence(WireModel):
    """What is known of one label: the accuracy has the distribution Beta(1 + right, 1 + wrong)."""

    right: Amount = Field(default=0.0, description="right answers; older ones count less")
    wrong: Amount = 0.0
    items: int = Field(default=0, ge=0, description="questions that it was asked here, however old")
    canaries: int = Field(default=0, ge=0, description="those that were canaries")
    tried: tuple[int, int] = Field(default=(0, 0), description="right and wrong, since its probation began")
    passed: bool = Field(default=False, description="its answers count: it proved to be above the floor")
    owed: Share | None = Field(default=None, description="p0: the accuracy that the sequential test holds it to")
    lower: Share = Field(default=0.05, description="the bound of the accuracy, as of the profile's latest revision")
    suite: str = Field(default="", description="the latest questions")
    seed: int | None = None
    updated: AwareDatetime

    @property
    def bound(self) -> float:
        """The 5 % quantile of the accuracy."""
        return beta_lower(self.right, self.wrong)


class Watch(WireModel):
    """The sequential tests of an active member: a number for each alternative that is tested."""

    ratios: tuple[float, ...] = Field(default=(), description="log-likelihood ratios since it became active")
    sums: tuple[float, ...] = Field(default=(), description="the same as CUSUM: they never fall below 0")
    canaries: int = Field(default=0, ge=0)
    right: int = Field(default=0, ge=0)


class Timing(WireModel):
    """The latest values of a quantity, oldest first."""

    values: tuple[Amount, ...] = ()
    count: int = Field(default=0, ge=0, description="values in all")

    @property
    def median(self) -> float | None:
        return self.quantile(0.5)

    @property
    def p95(self) -> float | None:
        return self.quantile(0.95)

    def quantile(self, share: float) -> float | None:
        """Return the smallest value that more than this share of the values does not exceed; None without values."""
        ordered = sorted(self.values)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


class Profile(WireModel):
    """What was measured of one seat."""

    seat: Seat
    standing: Standing = "probation"
    since: AwareDatetime = Field(description="when its standing began")
    why: str = ""
    labels: dict[Label, Evidence] = Field(default_factory=dict)
    watch: Watch = Watch()
    calls: Amount = Field(default=0.0, description="questions and turns; older ones count less")
    failures: Amount = Field(default=0.0, description="those whose model could not be asked")
    refusals: Amount = Field(default=0.0, description="those that it refused, or answered in no form that can be read")
    seconds: Timing = Timing()
    first_token: Timing = Timing()
    speed: Timing = Field(default=Timing(), description="tokens written in a second")
    cost: Amount = Field(default=0.0, description="money spent on its calls, older ones counting less")
    updated: AwareDatetime
    revision: int = Field(default=0, ge=0, description="grows whenever what the network decides by has changed")

    @property
    def canaries(self) -> int:
        """How many canaries it was asked."""
        return sum(evidence.canaries for evidence in self.labels.values())

    def shown(self) -> dict[str, Any]:
        """Return the profile as plain data, with what follows from it: bounds, medians."""
        data = self.model_dump(mode="json")
        for label, one in self.labels.items():
            data["labels"][label]["bound"] = one.bound
        for name in ("seconds", "first_token", "speed"):
            timing: Timing = getattr(self, name)
            data[name] = {"median": timing.median, "p95": timing.p95, "count": timing.count}
        return data


class StandingEvent(WireModel):
    """A change of a seat's standing, with the test that decided it."""

    seat: Seat
    time: AwareDatetime
    before: Standing | None = Field(description="None for a newcomer")
    after: Standing
    why: str
    data: dict[str, float | int | str] = Field(
        default_factory=dict, description="of a test: its name, p0, p1, counts, statistic, bound"
    )


class Canaries(FileModel):
    """How a network measures its members while they work: the section `canaries` of a network file."""

    members: Literal["joined", "all", "none"] = Field(
        default="joined", description="who is asked canaries: members that joined, or those of the file, too"
    )
    share: Share = Field(default=0.05, description="canaries beside the turns of a member: one for every 20")
    newcomers: Share = Field(default=0.1, description="the same on probation")
    suspects: Share = Field(default=0.5, description="the same while a test is on the way to its bound")
    families: tuple[str, ...] | None = Field(
        default=None, description="families of generated questions; default: those that are labels of the network"
    )
    questions: tuple[str, ...] = Field(
        default=(), description="your own files (JSONL, JSON or CSV with `question`, `answer`, `label`)"
    )
    reuse: bool = Field(
        default=True, description="a question of a run whose answer was reported right becomes a canary for others"
    )
    floor: Share = Field(default=0.5, description="accuracy that a newcomer must have at a label before it counts")
    floor_error: float = Field(
        default=0.05, gt=0, lt=1, description="probability that one below the floor ever passes, for each label"
    )
    expel_error: float = Field(
        default=0.001, gt=0, lt=1, description="probability that a member that gives what it owes is ever expelled"
    )
    drift_run: float = Field(
        default=1e6, ge=10, description="canaries between two false alarms of drift, on average and at least"
    )
    half_life: float = Field(default=30.0, gt=0, description="days after which evidence counts half")
