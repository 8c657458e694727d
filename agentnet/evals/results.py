"""What an evaluation found, as data: rows, comparisons, and the summary that a report shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from agentnet.contracts.evaluations import EvaluationRecord, Item, SystemKind
from agentnet.evals.attack.losses import Loss
from agentnet.evals.deciding import Decided
from agentnet.evals.measures import InteractionMetrics
from agentnet.evals.statistics import Interval
from agentnet.evals.tables import ALL
from agentnet.redaction import without_secrets


@dataclass(frozen=True, slots=True)
class BaselineComparison:
    """A system compared with a baseline on the same trials."""

    baseline: str
    gain: Interval
    """Accuracy of the system minus that of the baseline, paired."""
    p: float
    """Exact McNemar, or the permutation test of clusters."""
    corrected_p: float
    """`p` after Holm's correction over all comparisons of the evaluation with this kind of baseline."""
    tokens: float | None
    """Tokens of the baseline divided by those of the system; None where the system took none."""


@dataclass(frozen=True, slots=True)
class Row:
    """One system on one dataset. Shares lie between 0 and 1; tokens, calls, seconds and cost are for each item."""

    dataset: str
    system: str
    kind: SystemKind
    group: str
    facts: Mapping[str, Any]
    items: int
    """Items with a score. An item counts once, however many epochs it has."""
    trials: int
    failures: int
    """Trials without a score: a model could not be asked. No other number of the row counts them."""
    accuracy: Interval
    answered: float
    """Share of trials that ended with an answer."""
    calls: float
    prompt_tokens: float
    completion_tokens: float
    reused_tokens: float
    """Prompt tokens that were in the KV cache already."""
    seconds: float
    """Median time from question to answer."""
    seconds_p95: float
    cost: float
    respelled: float
    """Pieces that needed alignment, where members decoded together."""
    interaction: InteractionMetrics
    comparisons: tuple[BaselineComparison, ...] = ()

    @property
    def tokens(self) -> float:
        return self.prompt_tokens + self.completion_tokens

    @property
    def oracle_gap(self) -> float | None:
        """Share of trials in which a member was right and the system was not."""
        oracle = self.interaction.oracle
        return None if oracle is None else max(0.0, oracle - self.accuracy.estimate)


@dataclass(frozen=True, slots=True)
class Correlation:
    """How much two members err on the same items: the phi coefficient of their errors, None where one never varies."""

    dataset: str
    one: str
    other: str
    phi: float | None


@dataclass(frozen=True, slots=True)
class IncompleteSystem:
    """A system with incomplete trials: a model could not be asked, or a limit ended the run before an answer."""

    system: str
    trials: int
    """All of its test trials."""
    failures: int
    """Trials without a score."""
    why: str
    """Detail of the first failure; empty where there is none."""
    partial: int
    """Trials that have a score although an agent was missing."""
    missing: tuple[str, ...]
    """The agents that were missing from those."""
    stopped: int = 0
    """Trials that the suite's limits ended without an answer."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything that a report shows."""

    record: EvaluationRecord
    rows: tuple[Row, ...]
    chosen: dict[str, str]
    """Label → the member that was chosen in advance."""
    correlations: tuple[Correlation, ...]
    items: tuple[Item, ...]
    grid: dict[str, tuple[float | None, ...]] = field(default_factory=dict)
    """System → its mean score of each item, None where it has none. Shape of each: [items]."""
    fixed: dict[str, dict[str, str]] = field(default_factory=dict)
    """Dataset → group of paths → the path that did best on the selection split: the one to fix in advance."""
    incomplete: tuple[IncompleteSystem, ...] = ()
    losses: tuple[Loss, ...] = ()
    """What liars cost each system, for a suite with attacks."""
    decisions: tuple[Decided, ...] = ()
    """What systems that decide by themselves used for each kind of question."""

    def row(self, dataset: str, system: str) -> Row | None:
        """Return the row of a system on a dataset, None where it has none."""
        return next((row for row in self.rows if (row.dataset, row.system) == (dataset, system)), None)

    def chosen_for(self, dataset: str) -> list[str]:
        """Return the members that were chosen in advance for a dataset's items."""
        labels = dict.fromkeys(item.label for item in self.items if dataset in (item.dataset, ALL))
        return list(dict.fromkeys(self.chosen[label] for label in labels))

    def as_json(self) -> dict[str, Any]:
        """Return plain data: what ``report.json`` holds."""
        record = self.record.model_dump(
            mode="json", exclude={"folder": True, "network_folder": True, "suite_source": True, "policy": {"analyzer"}}
        )
        return {
            "evaluation": record | {"network": without_secrets(record["network"])},
            "chosen": self.chosen,
            "rows": [asdict(row) for row in self.rows],
            "correlations": [asdict(correlation) for correlation in self.correlations],
            "items": [item.model_dump(mode="json") for item in self.items],
            "grid": self.grid,
            "fixed": self.fixed,
            "incomplete": [asdict(system) for system in self.incomplete],
            "losses": [asdict(loss) for loss in self.losses],
            "decisions": [asdict(decided) for decided in self.decisions],
        }
