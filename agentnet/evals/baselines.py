"""A system compared with its baselines on the same trials: the best member, also at the system's token budget."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import fmean

from agentnet.contracts.evaluations import SystemKind, Trial
from agentnet.evals.results import BaselineComparison
from agentnet.evals.statistics import clustered_p, clustered_paired_difference
from agentnet.evals.systems import BEST, CORRECTIONS, SAMPLES
from agentnet.evals.tables import Table

Clusters = Mapping[tuple[str, str], str]
"""Dataset and id of an item → its cluster."""


def baseline_comparisons(
    system: str, kind: SystemKind, tables: Sequence[Table], clusters: Clusters
) -> Iterator[BaselineComparison]:
    """Yield a system's comparisons with its baselines over the datasets of some tables."""
    if kind in ("best", "member"):
        return
    baselines: dict[str, list[str]] = {}  # its name → the row of each table that it stands for
    if all(BEST in table for table in tables):
        baselines[BEST] = [BEST] * len(tables)
    for repeated in (SAMPLES, CORRECTIONS) if kind == "system" else ():
        at_budget = [row for table in tables if (row := _at_budget(system, repeated, table)) is not None]
        if len(at_budget) == len(tables) and set(at_budget) != {BEST}:
            name = at_budget[0] if len(set(at_budget)) == 1 else f"{repeated} ×k"
            baselines[name] = at_budget
    trials = [trial for table in tables for trial in table[system]]
    for name, rows in baselines.items():
        baseline_trials = [trial for table, row in zip(tables, rows, strict=True) for trial in table[row]]
        if (comparison := compare_to(name, baseline_trials, trials, clusters)) is not None:
            yield comparison


def _at_budget(system: str, repeated: str, table: Table) -> str | None:
    """Return the row of the best member, asked as often as comes closest to a system's tokens; None without one."""
    budget = fmean(trial.usage.tokens for trial in table[system])
    distance = {
        row: abs(fmean(trial.usage.tokens for trial in trials) - budget)
        for row, trials in table.items()
        if (row.startswith(f"{repeated} ×") or row == BEST) and trials
    }
    return min(distance, key=lambda row: distance[row]) if distance else None


def compare_to(
    baseline: str, baseline_trials: Sequence[Trial], trials: Sequence[Trial], clusters: Clusters
) -> BaselineComparison | None:
    """Compare some trials with those of a baseline, where both have a score; None where there is no such pair.

    The p-value is not corrected yet: `corrected_p` equals `p`.
    """
    ours, theirs = paired(trials, baseline_trials)
    if not ours:
        return None
    scores, baseline_scores = [trial.score or 0.0 for trial in ours], [trial.score or 0.0 for trial in theirs]
    cluster_of_each = clusters_of(ours, clusters)
    p = clustered_p(scores, baseline_scores, cluster_of_each)
    spent = sum(trial.usage.tokens for trial in ours)
    return BaselineComparison(
        baseline=baseline,
        gain=clustered_paired_difference(scores, baseline_scores, cluster_of_each),
        p=p,
        corrected_p=p,
        tokens=sum(trial.usage.tokens for trial in theirs) / spent if spent else None,
    )


def paired(ours: Sequence[Trial], theirs: Sequence[Trial]) -> tuple[list[Trial], list[Trial]]:
    """Return the trials of the same items and epochs that have a score on both sides, in the order of `ours`."""
    scored = {(trial.dataset, trial.item, trial.epoch): trial for trial in theirs if trial.score is not None}
    pairs = [
        (trial, scored[trial.dataset, trial.item, trial.epoch])
        for trial in ours
        if trial.score is not None and (trial.dataset, trial.item, trial.epoch) in scored
    ]
    return [left for left, _ in pairs], [right for _, right in pairs]


def clusters_of(trials: Iterable[Trial], clusters: Clusters) -> list[tuple[str, str]]:
    """Return the cluster of each trial, named so that no two datasets share one."""
    return [(trial.dataset, clusters[trial.dataset, trial.item]) for trial in trials]
