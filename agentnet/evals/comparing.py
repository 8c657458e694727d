"""Comparing two evaluations, or two systems, on the items that both were asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import fmean

from agentnet.contracts.evaluations import EvaluationRecord, Trial
from agentnet.errors import BadInput
from agentnet.evals.baselines import Clusters, compare_to, paired
from agentnet.evals.selection import best_members
from agentnet.evals.statistics import Interval, holm
from agentnet.evals.tables import Table, summary_tables
from agentnet.store import Evaluations


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison: the tables of an evaluation, and the system to compare (None: all of them)."""

    record: EvaluationRecord
    tables: dict[str, Table]
    clusters: Clusters
    system: str | None


@dataclass(frozen=True, slots=True)
class SystemComparison:
    """Two systems on the trials that both have: `gain` is the accuracy of `other` minus that of `one`."""

    dataset: str
    one: str
    other: str
    trials: int
    accuracy_one: float
    accuracy_other: float
    gain: Interval
    p: float
    """Corrected over all comparisons that are made together (Holm)."""


async def side(reference: str, evaluations: Evaluations) -> Side:
    """Return the side that ``ID`` or ``ID/SYSTEM`` means. Raises `BadInput`."""
    prefix, _, system = reference.partition("/")
    record = await evaluations.find(prefix)
    items = await evaluations.items(record.id, "test")
    best = best_members(record, (item.label for item in items))
    tables = summary_tables(record, best, await evaluations.trials(record.id), items)
    names = list(dict.fromkeys(name for table in tables.values() for name in table))
    if system and system not in names:
        raise BadInput(f"evaluation {record.id} has no system {system!r} (it has {', '.join(names)})")
    return Side(record, tables, {(item.dataset, item.id): item.cluster for item in items}, system or None)


def compare_trials(one: Side, other: Side) -> list[SystemComparison]:
    """Return a comparison for every dataset that both sides have. Unless systems are named, those of one name pair up.

    Raises `BadInput` where no item was asked on both sides.
    """
    comparisons: list[SystemComparison] = []
    for dataset in one.tables:
        if dataset not in other.tables:
            continue
        table, other_table = one.tables[dataset], other.tables[dataset]
        pairs = [(name, name) for name in table if name in other_table]
        if one.system or other.system:
            pair = (one.system or other.system or "", other.system or one.system or "")
            pairs = [pair] if pair[0] in table and pair[1] in other_table else []
        for name, other_name in pairs:
            found = _compared(dataset, name, table[name], other_name, other_table[other_name], one.clusters)
            if found is not None:
                comparisons.append(found)
    if not comparisons:
        raise BadInput(f"{one.record.id} and {other.record.id} have no items and systems in common")
    p_values = holm([comparison.p for comparison in comparisons])
    return [replace(comparison, p=p) for comparison, p in zip(comparisons, p_values, strict=True)]


def _compared(
    dataset: str, one: str, trials: list[Trial], other: str, other_trials: list[Trial], clusters: Clusters
) -> SystemComparison | None:
    trials, other_trials = paired(trials, other_trials)
    comparison = compare_to(one, trials, other_trials, clusters)
    if comparison is None:
        return None
    before, after = (fmean(trial.score or 0.0 for trial in scored) for scored in (trials, other_trials))
    return SystemComparison(dataset, one, other, len(trials), before, after, comparison.gain, comparison.p)
