"""Two evaluations, or two systems, side by side on what both were asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import fmean

from agentnet.contracts.evaluations import EvaluationRecord, Item, Trial
from agentnet.errors import BadInput
from agentnet.evals.statistics import Interval, clustered_p, clustered_paired_difference, holm
from agentnet.evals.tables import Table, summary_tables
from agentnet.store import Evaluations


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison: the tables of an evaluation, and the system that is meant (None: all)."""

    record: EvaluationRecord
    tables: dict[str, Table]
    items: dict[tuple[str, str], Item]
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
    tables = summary_tables(record, await evaluations.trials(record.id), items)
    names = list(dict.fromkeys(name for table in tables.values() for name in table))
    if system and system not in names:
        raise BadInput(f"evaluation {record.id} has no system {system!r} (it has {', '.join(names)})")
    return Side(record, tables, {(item.dataset, item.id): item for item in items}, system or None)


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
            if (row := _compared(dataset, ours, left[ours], theirs, right[theirs], one.items)) is not None:
                found.append(row)
    if not found:
        raise BadInput(f"{one.record.id} and {other.record.id} have no items and systems in common")
    return [replace(row, p=p) for row, p in zip(found, holm([row.p for row in found]), strict=True)]


def _compared(
    dataset: str,
    ours: str,
    one: list[Trial],
    theirs: str,
    other: list[Trial],
    items: dict[tuple[str, str], Item],
) -> Comparison | None:
    scores = {(t.dataset, t.item, t.epoch): t.score for t in other if t.score is not None}
    pairs = [
        (trial, scores[trial.dataset, trial.item, trial.epoch])
        for trial in one
        if trial.score is not None and (trial.dataset, trial.item, trial.epoch) in scores
    ]
    if not pairs:
        return None
    left, right = [trial.score or 0.0 for trial, _ in pairs], [score for _, score in pairs]
    clusters = [(trial.dataset, items[trial.dataset, trial.item].cluster) for trial, _ in pairs]
    return Comparison(
        dataset,
        ours,
        theirs,
        len(pairs),
        fmean(left),
        fmean(right),
        clustered_paired_difference(right, left, clusters),
        clustered_p(right, left, clusters),
    )
