"""Two evaluations, or two systems, side by side on what both were asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import fmean

from agentnet.contracts.evaluations import EvaluationRecord, Trial
from agentnet.errors import BadInput
from agentnet.evals.calibration import best_members
from agentnet.evals.rivals import Clusters, beside, paired
from agentnet.evals.statistics import Interval, holm
from agentnet.evals.tables import Table, summary_tables
from agentnet.store import Evaluations


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison: the tables of an evaluation, and the system that is meant (None: all)."""

    record: EvaluationRecord
    tables: dict[str, Table]
    clusters: Clusters
    system: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What `other` has over `one` on the trials that both have."""

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
    """What ``ID`` or ``ID/SYSTEM`` means. Raises `BadInput`."""
    prefix, _, system = reference.partition("/")
    record = await evaluations.find(prefix)
    items = await evaluations.items(record.id, "test")
    best = best_members(record, (item.label for item in items))
    tables = summary_tables(record, best, await evaluations.trials(record.id), items)
    names = list(dict.fromkeys(name for table in tables.values() for name in table))
    if system and system not in names:
        raise BadInput(f"evaluation {record.id} has no system {system!r} (it has {', '.join(names)})")
    return Side(record, tables, {(item.dataset, item.id): item.cluster for item in items}, system or None)


def compare_trials(one: Side, other: Side) -> list[Comparison]:
    """Every dataset that both sides have. Without systems named, those of one name are compared.

    Raises `BadInput` where there is nothing that both were asked.
    """
    found: list[Comparison] = []
    for dataset in one.tables:
        if dataset not in other.tables:
            continue
        left, right = one.tables[dataset], other.tables[dataset]
        names = [(name, name) for name in left if name in right]
        if one.system or other.system:
            pair = (one.system or other.system or "", other.system or one.system or "")
            names = [pair] if pair[0] in left and pair[1] in right else []
        for ours, theirs in names:
            if (row := _compared(dataset, ours, left[ours], theirs, right[theirs], one.clusters)) is not None:
                found.append(row)
    if not found:
        raise BadInput(f"{one.record.id} and {other.record.id} have no items and systems in common")
    return [replace(row, p=p) for row, p in zip(found, holm([row.p for row in found]), strict=True)]


def _compared(
    dataset: str, ours: str, one: list[Trial], theirs: str, other: list[Trial], clusters: Clusters
) -> Comparison | None:
    left, right = paired(one, other)
    against = beside(right, ours, left, clusters)
    if against is None:
        return None
    before, after = (fmean(trial.score or 0.0 for trial in some) for some in (left, right))
    return Comparison(dataset, ours, theirs, len(left), before, after, against.gain, against.p)
