"""A system beside its rivals, on the same trials: the best member, and what that member makes of the same tokens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING

from agentnet.contracts.evaluations import SystemKind, Trial
from agentnet.evals.statistics import Interval, clustered_p, clustered_paired_difference, holm
from agentnet.evals.systems import BEST, CORRECTIONS, SAMPLES
from agentnet.evals.tables import ALL, Table

if TYPE_CHECKING:
    from agentnet.evals.summary import Row

Clusters = Mapping[tuple[str, str], str]
"""Dataset and id of an item → its cluster."""


@dataclass(frozen=True, slots=True)
class Against:
    """A system beside a rival on the same trials."""

    rival: str
    gain: Interval
    """Accuracy of the system minus that of the rival."""
    p: float
    """Exact McNemar, or the permutation test of clusters; then corrected over all comparisons of the evaluation with
    this kind of rival (Holm)."""
    corrected_p: float
    tokens: float | None
    """Tokens of the rival over those of the system."""


def rivals_of(name: str, kind: SystemKind, tables: Sequence[Table], clusters: Clusters) -> Iterable[Against]:
    """A system beside its rivals over the datasets of some tables."""
    if kind in ("best", "member"):
        return
    rivals: dict[str, list[str]] = {}  # what it is called → the row of each table that it stands for
    if all(BEST in table for table in tables):
        rivals[BEST] = [BEST] * len(tables)
    for repeated in (SAMPLES, CORRECTIONS) if kind == "system" else ():
        picked = [row for table in tables if (row := _at_budget(name, repeated, table)) is not None]
        if len(picked) == len(tables) and set(picked) != {BEST}:
            rivals[picked[0] if len(set(picked)) == 1 else f"{repeated} ×k"] = picked
    ours = [trial for table in tables for trial in table[name]]
    for rival, rows in rivals.items():
        theirs = [trial for table, row in zip(tables, rows, strict=True) for trial in table[row]]
        if (against := beside(ours, rival, theirs, clusters)) is not None:
            yield against


def _at_budget(name: str, repeated: str, table: Table) -> str | None:
    """The best member, asked as often as comes closest to a system's tokens; None where it is no rival at all."""
    budget = fmean(trial.usage.tokens for trial in table[name])
    costs = {
        other: abs(fmean(trial.usage.tokens for trial in some) - budget)
        for other, some in table.items()
        if (other.startswith(f"{repeated} ×") or other == BEST) and some
    }
    return min(costs, key=lambda other: costs[other]) if costs else None


def beside(ours: Sequence[Trial], rival: str, theirs: Sequence[Trial], clusters: Clusters) -> Against | None:
    """Some trials beside those of a rival, on what both have a score for; None where there is nothing of the kind."""
    ours, theirs = paired(ours, theirs)
    if not ours:
        return None
    scores, rival_scores = [trial.score or 0.0 for trial in ours], [trial.score or 0.0 for trial in theirs]
    where = clusters_of(ours, clusters)
    p = clustered_p(scores, rival_scores, where)
    spent = sum(trial.usage.tokens for trial in ours)
    return Against(
        rival,
        clustered_paired_difference(scores, rival_scores, where),
        p,
        p,
        sum(trial.usage.tokens for trial in theirs) / spent if spent else None,
    )


def paired(ours: Sequence[Trial], theirs: Sequence[Trial]) -> tuple[list[Trial], list[Trial]]:
    """The trials of the same items and epochs that both have a score for."""
    other = {(t.dataset, t.item, t.epoch): t for t in theirs if t.score is not None}
    pairs = [
        (trial, other[trial.dataset, trial.item, trial.epoch])
        for trial in ours
        if trial.score is not None and (trial.dataset, trial.item, trial.epoch) in other
    ]
    return [one for one, _ in pairs], [two for _, two in pairs]


def clusters_of(trials: Iterable[Trial], clusters: Clusters) -> list[tuple[str, str]]:
    return [(trial.dataset, clusters[trial.dataset, trial.item]) for trial in trials]


def corrected(rows: Sequence[Row]) -> Iterable[Row]:
    """Rows with corrected p-values. One family of tests for each kind of rival; the rows over everything, and those of
    the best member asked again, are families of their own."""
    families: dict[tuple[str, bool, bool], list[tuple[int, int]]] = defaultdict(list)
    for place, row in enumerate(rows):
        for index, rival in enumerate(row.against):
            families[rival.rival.split(" ×")[0], row.dataset == ALL, row.kind == "system"].append((place, index))
    found = [list(row.against) for row in rows]
    for places in families.values():
        for (place, index), p in zip(places, holm([found[a][b].p for a, b in places]), strict=True):
            found[place][index] = replace(found[place][index], corrected_p=p)
    for row, against in zip(rows, found, strict=True):
        yield replace(row, against=tuple(against))
