"""From trials to a summary: a row for each system on each dataset, compared with its baselines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from statistics import fmean

import numpy as np

from agentnet.contracts.evaluations import SELECTION, EvaluationRecord, Item, SystemKind, Trial
from agentnet.contracts.usage import Usage
from agentnet.evals.attack.losses import losses
from agentnet.evals.baselines import Clusters, baseline_comparisons, clusters_of, paired
from agentnet.evals.correction import corrected
from agentnet.evals.deciding import decisions
from agentnet.evals.measures import RIGHT, interaction_metrics
from agentnet.evals.results import Correlation, IncompleteSystem, Row, Summary
from agentnet.evals.selection import best_members
from agentnet.evals.statistics import clustered_share, phi
from agentnet.evals.tables import ALL, Table, kind_of, summary_tables


def summarise(record: EvaluationRecord, trials: Sequence[Trial], items: Sequence[Item]) -> Summary:
    """Return the summary of an evaluation. Of one that is still running, it covers the trials made so far."""
    best = best_members(record, (item.label for item in items))
    tables = summary_tables(record, best, trials, items)
    clusters = {(item.dataset, item.id): item.cluster for item in items}
    whole = tables.get(ALL, next(iter(tables.values()), {}))
    return Summary(
        record=record,
        rows=tuple(corrected(list(_rows(record, tables, clusters)))),
        chosen=best,
        correlations=tuple(_correlations(record, tables)),
        items=tuple(items),
        grid={name: _scores_of_items(own, items) for name, own in whole.items()},
        fixed=_fixed(record, trials, tables),
        incomplete=tuple(_incomplete_systems(trials)),
        losses=tuple(losses(record, trials, items)),
        decisions=tuple(decisions(trials, items)),
    )


def _rows(record: EvaluationRecord, tables: Mapping[str, Table], clusters: Clusters) -> Iterator[Row]:
    """A row for each system of each table that has a score. Its p-values are not corrected yet."""
    systems = {system.name: system for system in record.systems}
    for dataset, table in tables.items():
        datasets = [other for name, other in tables.items() if name != ALL] if dataset == ALL else [table]
        for name, trials in table.items():
            if all(trial.score is None for trial in trials):
                continue
            row = _row(dataset, name, kind_of(name, record), trials, clusters)
            if name in systems:
                row = replace(row, group=systems[name].group, facts=systems[name].facts)
            yield replace(row, comparisons=tuple(baseline_comparisons(name, row.kind, datasets, clusters)))


def _row(dataset: str, name: str, kind: SystemKind, trials: Sequence[Trial], clusters: Clusters) -> Row:
    scored = [trial for trial in trials if trial.score is not None]
    usage, count = sum((trial.usage for trial in scored), Usage()), len(scored)
    seconds = [trial.seconds for trial in scored]
    return Row(
        dataset=dataset,
        system=name,
        kind=kind,
        group="",
        facts={},
        items=len({(trial.dataset, trial.item) for trial in scored}),
        trials=len(trials),
        failures=len(trials) - count,
        accuracy=clustered_share([trial.score or 0.0 for trial in scored], clusters_of(scored, clusters)),
        answered=sum(trial.answer is not None for trial in scored) / count,
        calls=usage.calls / count,
        prompt_tokens=usage.prompt_tokens / count,
        completion_tokens=usage.completion_tokens / count,
        reused_tokens=usage.reused_tokens / count,
        seconds=float(np.quantile(seconds, 0.5)),
        seconds_p95=float(np.quantile(seconds, 0.95)),
        cost=usage.cost / count,
        respelled=sum(trial.respelled for trial in scored) / count,
        interaction=interaction_metrics(scored),
    )


def _incomplete_systems(trials: Sequence[Trial]) -> Iterator[IncompleteSystem]:
    """The systems with incomplete test trials. One without any score has no row, and is only here."""
    tests = [trial for trial in trials if trial.split == "test"]
    for name in dict.fromkeys(trial.system for trial in tests):
        own = [trial for trial in tests if trial.system == name]
        failed = [trial for trial in own if trial.score is None]
        partial = [trial for trial in own if trial.score is not None and trial.missing]
        stopped = sum(trial.status == "stopped" for trial in own)
        if failed or partial or stopped:
            yield IncompleteSystem(
                system=name,
                trials=len(own),
                failures=len(failed),
                why=failed[0].detail if failed else "",
                partial=len(partial),
                missing=tuple(sorted({agent for trial in partial for agent in trial.missing})),
                stopped=stopped,
            )


def _correlations(record: EvaluationRecord, tables: Mapping[str, Table]) -> Iterator[Correlation]:
    members = [system.name for system in record.systems if system.kind == "member"]
    for dataset, table in tables.items():
        for one, other in combinations([name for name in members if name in table], 2):
            wrong, other_wrong = (
                [(trial.score or 0.0) < RIGHT for trial in trials] for trials in paired(table[one], table[other])
            )
            yield Correlation(dataset, one, other, phi(wrong, other_wrong) if wrong else None)


def _fixed(record: EvaluationRecord, trials: Sequence[Trial], tables: Mapping[str, Table]) -> dict[str, dict[str, str]]:
    """Dataset → group of paths → the best path on the selection split; the first listed of equally good ones."""
    scores: dict[tuple[str, str], list[float]] = defaultdict(list)
    for trial in trials:
        if trial.split == SELECTION and trial.score is not None:
            for dataset in {trial.dataset, ALL} & tables.keys():
                scores[dataset, trial.system].append(trial.score)
    groups: dict[str, list[str]] = defaultdict(list)
    for system in record.systems:
        if "path" in system.facts:
            groups[system.group].append(system.name)
    fixed: dict[str, dict[str, str]] = defaultdict(dict)
    for dataset in tables:
        for group, names in groups.items():
            means = {name: fmean(found) for name in names if (found := scores.get((dataset, name)))}
            if means:
                fixed[dataset][group] = max(means, key=lambda name: means[name])
    return dict(fixed)


def _scores_of_items(trials: Sequence[Trial], items: Sequence[Item]) -> tuple[float | None, ...]:
    """The mean score of each item over its epochs. Shape: [items]."""
    scores: dict[tuple[str, str], list[float]] = defaultdict(list)
    for trial in trials:
        if trial.score is not None:
            scores[trial.dataset, trial.item].append(trial.score)
    return tuple(fmean(found) if (found := scores.get((item.dataset, item.id))) else None for item in items)
