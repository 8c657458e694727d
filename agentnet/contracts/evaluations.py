"""The parts of an evaluation: items, systems, trials, and the evaluation's record."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from pydantic import Field

from agentnet.contracts.base import WireModel
from agentnet.contracts.cards import Measured
from agentnet.contracts.network import NetworkSpec
from agentnet.contracts.policies import Policy
from agentnet.contracts.protocols import ProtocolSpec
from agentnet.contracts.usage import Usage

Split = Literal["calibration", "test"]
"""The selection split (``calibration`` in stored evaluations) chooses the best member in advance; all reported numbers
come from the test split."""

SELECTION: Final = "calibration"
"""The stored name of the selection split."""

TrialStatus = Literal["done", "failed", "stopped", "error"]
"""`done`, `failed` and `stopped` are ends of runs: such trials are scored, and one without an answer is wrong. `error`
is never scored: a model could not be reached, even after the retries."""

SystemKind = Literal["member", "best", "samples", "corrections", "system", "attacked", "candidate"]
"""`member`: one agent alone; `best`: the member chosen in advance; `samples`: that member asked several times;
`corrections`: that member revising its own answer; `system`: a system that the suite compares with these;
`attacked`: a system in which liars have taken the place of members; `candidate`: a system that is tried on the
selection split, so that the network learns whether to use it."""


class Item(WireModel):
    """One question of a dataset, as it is put to the systems."""

    dataset: str
    id: str = Field(description="does not depend on the item's position in its file")
    text: str = Field(min_length=1, description="the whole task: with choices, if there are any")
    answers: tuple[str, ...] = Field(min_length=1, description="all right answers; the members of a set answer")
    label: str = Field(description="the kind of task, as agents' cards name it")
    cluster: str = Field(description="items of one cluster are not independent; they share a passage, for instance")


class MemberAnswer(WireModel):
    """An agent's answer to the item itself within a run, scored on its own."""

    agent: str
    round: int
    answer: str | None = Field(description="None if the turn failed")
    score: float | None = Field(description="None without an answer, and if only whole systems are judged")
    usage: Usage


class Trial(WireModel):
    """The result of one system on one item."""

    system: str
    dataset: str
    item: str
    epoch: int = 0
    split: Split = "test"
    status: TrialStatus
    answer: str | None = Field(default=None, description="as the system gave it")
    score: float | None = Field(default=None, ge=0, le=1)
    detail: str = ""
    usage: Usage = Usage()
    seconds: float = Field(default=0.0, ge=0, description="from question to answer; the models may have been shared")
    messages: int = Field(default=0, ge=0, description="of agents")
    errors: int = Field(default=0, ge=0, description="turns that failed")
    missing: tuple[str, ...] = Field(
        default=(), description="agents that could not be asked, or dropped out; the others answered without them"
    )
    respelled: int = Field(default=0, ge=0, description="pieces that were tokenized again, if members decoded together")
    reply: str | None = Field(default=None, description="the whole reply, where other members are to grade it")
    used: str | None = Field(default=None, description="the system that the network decided to use, where it decided")
    label: str | None = Field(default=None, description="the kind of task as which it took the item, where it decided")
    said: tuple[MemberAnswer, ...] = Field(default=(), description="in the order in which they were recorded")

    @property
    def key(self) -> tuple[str, str, str, int]:
        """The system, dataset, item and epoch: unique among the trials of a split."""
        return self.system, self.dataset, self.item, self.epoch


class System(WireModel):
    """One of the compared systems, bound to the members of the network."""

    name: str
    kind: SystemKind = "system"
    protocol: ProtocolSpec
    datasets: tuple[str, ...] = Field(default=(), description="the datasets that it runs on; empty: all")
    unlabelled: bool = Field(default=False, description="it is not told of which kind a question is")
    away: tuple[str, ...] = Field(default=(), description="members that are not there when it is tried")
    group: str = Field(default="", description="systems of one group are points of one experiment")
    facts: dict[str, Any] = Field(default_factory=dict, description="its point within the experiment")


class Standings(WireModel):
    """What the network knew of a member from one question of a living suite on, until it knew more."""

    question: int = Field(ge=0, description="the first question that meets it so, in the order of their arrival")
    member: str
    standing: str = Field(description="probation, active or expelled; away: it is not there")
    proven: dict[str, float] = Field(default_factory=dict, description="label → lower bound of its accuracy")
    canaries: int = Field(default=0, ge=0, description="asked so far")
    why: str = ""


class EvaluationRecord(WireModel):
    """The data needed to show an evaluation, and to resume it."""

    id: str
    name: str
    suite: dict[str, Any]
    """The suite file's content."""
    suite_source: str | None = None
    """The suite file, or the name of a shipped one."""
    folder: str
    """Base folder of the suite's paths."""
    network: NetworkSpec
    network_folder: str
    systems: tuple[System, ...] = ()
    measured: dict[str, dict[str, Measured]] = Field(
        default_factory=dict, description="member → label → its measurement on the selection split"
    )
    policy: Policy | None = Field(default=None, description="what the selection split taught, if the suite learns")
    standings: tuple[Standings, ...] = Field(
        default=(), description="of a living suite: every change of what the network knew of its members"
    )
    repeated: dict[str, int] = Field(
        default_factory=dict, description="dataset → lines of its file that repeat an earlier one and are left out"
    )
    status: Literal["running", "done"] = "running"
    command: str = ""
    versions: dict[str, str] = Field(default_factory=dict)
    machine: str = ""
    created: datetime
    updated: datetime
