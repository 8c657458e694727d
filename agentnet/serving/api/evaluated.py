"""What the API takes and shows of evaluations, as types."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from agentnet.contracts.evaluations import EvaluationRecord, SystemKind
from agentnet.contracts.messages import LARGEST_INTEGER
from agentnet.serving.api.shown import Sent
from agentnet.serving.evaluating import Work


class Evaluate(Sent):
    """An evaluation to be started."""

    suite: str = Field(max_length=100, description="the name of a shipped suite", examples=["first-light"])
    limit: int = Field(default=20, ge=1, le=2000, description="items of each dataset, at most, in either split")
    epochs: int | None = Field(default=None, ge=1, le=20, description="how often every item is asked")
    seed: int | None = Field(default=None, ge=0, le=LARGEST_INTEGER)


class DatasetShown(BaseModel):
    """A dataset of a suite."""

    name: str
    items: int | None = Field(description="null: all that its file has")


class SuiteShown(BaseModel):
    """A suite that can be started."""

    name: str
    summary: str
    description: str
    network: str
    datasets: list[DatasetShown]
    selection: int = Field(description="further items of each dataset, which choose the best single model")
    systems: int = Field(description="entries that are compared; one may be a sweep of many systems")
    learns: bool = Field(description="whether `auto` learns from the selection items first")
    lives: bool = Field(description="whether members come and go meanwhile")
    attacked: bool = Field(description="whether members lie")


class PhaseShown(BaseModel):
    """A part of an evaluation."""

    name: str
    done: int
    total: int
    failed: int = Field(description="trials without a score: a model could not be asked")
    active: bool


class ProgressShown(BaseModel):
    """How far an evaluation is that is being made."""

    phases: list[PhaseShown] = Field(description="in their order; baselines at equal token budget are planned last")
    seconds_left: float | None = Field(description="for what is planned, at the pace so far; null until it is known")

    @classmethod
    def of(cls, work: Work) -> ProgressShown:
        phases = [
            PhaseShown(name=name, done=phase.done, total=phase.total, failed=phase.failed, active=name == work.phase)
            for name, phase in work.phases.items()
        ]
        return cls(phases=phases, seconds_left=work.seconds_left)


class EvaluationShown(BaseModel):
    """An evaluation, as lists show it."""

    id: str
    name: str = Field(description="of its suite")
    status: Literal["active", "unfinished", "done"] = Field(
        description="active: it is being made at this server; unfinished: it can be resumed"
    )
    detail: str = Field(description="why it is unfinished, where this server knows it")
    created: datetime
    updated: datetime
    network: str
    trials: int
    progress: ProgressShown | None = Field(description="of an active one")

    @classmethod
    def of(cls, record: EvaluationRecord, trials: int, work: Work | None, detail: str, **more: Any) -> EvaluationShown:
        """Return what is shown of an evaluation."""
        return cls(
            id=record.id,
            name=record.name,
            status="active" if work is not None else "done" if record.status == "done" else "unfinished",
            detail=detail,
            created=record.created,
            updated=record.updated,
            network=record.network.name,
            trials=trials,
            progress=None if work is None else ProgressShown.of(work),
            **more,
        )


class Bounded(BaseModel):
    """An estimate with its 95 % interval."""

    estimate: float
    low: float
    high: float


class Gain(BaseModel):
    """A difference to the best single model, paired on the same items."""

    accuracy: Bounded
    p: float = Field(description="after Holm's correction")
    verdict: Literal["better", "worse", "open"] = Field(description="open: within the noise")


class RowShown(BaseModel):
    """A system on a dataset. Calls, tokens, seconds and cost are for each item."""

    system: str
    kind: SystemKind
    accuracy: Bounded
    over_best: Gain | None
    items: int
    failures: int = Field(description="trials without a score")
    calls: float
    tokens: float
    seconds: float = Field(description="median")
    cost: float
    frontier: bool = Field(description="whether it is better than every cheaper one")


class ChartShown(BaseModel):
    """A chart, which is at `…/charts/NAME.svg`."""

    name: str
    title: str
    note: str


class DatasetResults(BaseModel):
    """What an evaluation found on a dataset."""

    name: str = Field(description="`all`: all datasets together")
    items: int
    chosen: list[str] = Field(description="the best single model, chosen in advance; one for each kind of question")
    rows: list[RowShown]
    charts: list[ChartShown]


class DecisionShown(BaseModel):
    """A system that was used for one kind of question, where the network decided."""

    system: str
    dataset: str
    label: str
    used: str
    items: int
    accuracy: float
    tokens: float
    recognised: float = Field(description="share of the questions that were taken as of their kind")


class SummaryShown(BaseModel):
    """What an evaluation found, finished or not, in short; the report has all of it."""

    evaluation: EvaluationShown
    about: str
    members: list[str] = Field(description="of the network, in its order")
    headline: list[str] = Field(description="sentences, the most important first")
    datasets: list[DatasetResults]
    charts: list[ChartShown] = Field(description="of the suite as a whole")
    decisions: list[DecisionShown]


class RecordedReport(BaseModel):
    """A report that ships with AgentNet."""

    name: str
    summary: str
