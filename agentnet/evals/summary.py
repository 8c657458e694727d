"""From trials to what a report says: a row for each system on each dataset, each compared with its rivals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from statistics import fmean
from typing import Any

import numpy as np

from agentnet.contracts.evaluations import EvaluationRecord, Item, SystemKind, Trial
from agentnet.contracts.usage import Usage
from agentnet.evals.calibration import chosen
from agentnet.evals.equal_budget import affordable, first
from agentnet.evals.measures import RIGHT, Conduct, conduct
from agentnet.evals.statistics import (
    Interval,
    clustered_p,
    clustered_paired_difference,
    clustered_share,
    holm,
    phi,
)
from agentnet.evals.suite import SuiteSpec
from agentnet.evals.systems import BEST, CORRECTIONS, SAMPLES

ALL = "all"
"""The dataset of rows over every item of the suite."""


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


@dataclass(frozen=True, slots=True)
class Row:
    """One system on one dataset. Shares lie between 0 and 1; tokens, calls, seconds and cost are for each item."""

    dataset: str
    system: str
    kind: SystemKind
    group: str
    facts: Mapping[str, Any]
    items: int
    """Items with a score; one that was asked in several epochs counts once."""
    trials: int
    failures: int
    """Trials without a score: a model could not be asked. They are in no other number here."""
    accuracy: Interval
    answered: float
    """Share of trials with an answer at all."""
    calls: float
    prompt_tokens: float
    completion_tokens: float
    reused_tokens: float
    """Prompt tokens that were not evaluated again."""
    seconds: float
    """Median."""
    seconds_p95: float
    cost: float
    respelled: float
    conduct: Conduct
    against: tuple[Against, ...] = ()

    @property
    def tokens(self) -> float:
        return self.prompt_tokens + self.completion_tokens

    @property
    def oracle_gap(self) -> float | None:
        """Share of trials in which some member had it right and the system did not."""
        return None if self.conduct.oracle is None else max(0.0, self.conduct.oracle - self.accuracy.estimate)


@dataclass(frozen=True, slots=True)
class Correlation:
    """How much two members err on the same items: the phi coefficient of their errors, None where one never varies."""

    dataset: str
    one: str
    other: str
    phi: float | None


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything that a report shows. `grid` has, for each system, the mean score of each item."""

    record: EvaluationRecord
    rows: tuple[Row, ...]
    chosen: dict[str, str]
    """Label → the member that was chosen in advance."""
    correlations: tuple[Correlation, ...]
    items: tuple[Item, ...]
    grid: dict[str, tuple[float | None, ...]] = field(default_factory=dict)
    fixed: dict[str, dict[str, str]] = field(default_factory=dict)
    """Dataset → group of paths → the path that did best on the calibration items: the one to fix in advance."""

    def row(self, dataset: str, system: str) -> Row | None:
        return next((row for row in self.rows if (row.dataset, row.system) == (dataset, system)), None)

    def chosen_for(self, dataset: str) -> list[str]:
        """The members that were chosen in advance for a dataset's items."""
        labels = dict.fromkeys(item.label for item in self.items if dataset in (item.dataset, ALL))
        return list(dict.fromkeys(self.chosen[label] for label in labels))

    def _repr_markdown_(self) -> str:
        """How notebooks show a summary: as its report in Markdown."""
        from agentnet.evals.report.markdown import markdown

        return markdown(self)

    def as_json(self) -> dict[str, Any]:
        """Plain data: what `report.json` holds."""
        return {
            "evaluation": self.record.model_dump(mode="json", exclude={"folder", "network_folder", "suite_source"}),
            "chosen": self.chosen,
            "rows": [asdict(row) for row in self.rows],
            "correlations": [asdict(one) for one in self.correlations],
            "items": [item.model_dump(mode="json") for item in self.items],
            "grid": self.grid,
            "fixed": self.fixed,
        }


Table = dict[str, list[Trial]]
"""System → its trials, in the order of items and epochs."""


def summarise(record: EvaluationRecord, trials: Sequence[Trial], items: Sequence[Item]) -> Summary:
    """The summary of an evaluation, also of one that is not over: then of the trials that there are."""
    place = {(item.dataset, item.id): number for number, item in enumerate(items)}
    best = {label: chosen(record, label) for label in dict.fromkeys(item.label for item in items)}
    tables = summary_tables(record, trials, items)
    clusters = {(item.dataset, item.id): item.cluster for item in items}
    rows: list[Row] = []
    for dataset, table in tables.items():
        kinds = {system.name: system for system in record.systems}
        for name, some in table.items():
            if not any(trial.score is not None for trial in some):
                continue
            known = kinds.get(name)
            kind: SystemKind = known.kind if known else "best" if name == BEST else _repeated_kind(name)
            row = _row(dataset, name, kind, some, clusters)
            if known is not None:
                row = replace(row, group=known.group, facts=known.facts)
            rows.append(replace(row, against=tuple(_against(name, kind, table, clusters))))
    return Summary(
        record,
        tuple(_corrected(rows)),
        best,
        tuple(_correlations(record, tables)),
        tuple(items),
        {name: _grid(some, place) for name, some in tables.get(ALL, next(iter(tables.values()), {})).items()},
        _fixed(record, trials, tables),
    )


def summary_tables(record: EvaluationRecord, trials: Sequence[Trial], items: Sequence[Item]) -> dict[str, Table]:
    """Dataset → the trials of each system, with those of the rivals that follow from them; `ALL` where there are
    several datasets and a system was tried on each."""
    suite = SuiteSpec.model_validate(record.suite)
    place = {(item.dataset, item.id): number for number, item in enumerate(items)}
    best = {one: chosen(record, one) for one in dict.fromkeys(item.label for item in items)}
    label = {(item.dataset, item.id): item.label for item in items}
    tables: dict[str, Table] = {}
    ordered = sorted(
        (trial for trial in trials if trial.split == "test"),
        key=lambda trial: (place[trial.dataset, trial.item], trial.epoch),
    )
    for dataset in dict.fromkeys(item.dataset for item in items):
        here = [trial for trial in ordered if trial.dataset == dataset]
        by_system: Table = defaultdict(list)
        for trial in here:
            by_system[trial.system].append(trial)
        table: Table = {}
        if suite.baselines:
            table[BEST] = [trial for trial in here if trial.system == best[label[trial.dataset, trial.item]]]
        for system in record.systems:
            if system.name in by_system and (system.kind == "system" or _shown(system.kind, suite)):
                table[system.name] = by_system[system.name]
        table.update(_repeats(record, table, by_system))
        tables[dataset] = table
    if len(tables) > 1:
        everywhere = [name for name in next(iter(tables.values())) if all(name in table for table in tables.values())]
        whole = {name: [trial for table in tables.values() for trial in table[name]] for name in everywhere}
        return {ALL: whole, **tables}
    return tables


def _shown(kind: SystemKind, suite: SuiteSpec) -> bool:
    return kind == "member" and "members" in suite.baselines


def _repeats(record: EvaluationRecord, table: Table, by_system: Table) -> Table:
    """The best member asked again, at each budget that some system of the table has."""
    found: Table = {}
    budgets = [
        fmean(trial.usage.tokens for trial in table[system.name])
        for system in record.systems
        if system.kind == "system" and table.get(system.name)
    ]
    for name in (SAMPLES, CORRECTIONS):
        if pool := by_system.get(name):
            for times in sorted({affordable(budget, pool) for budget in budgets} - {1}):
                found[_times(name, times)] = [first(trial, times) for trial in pool]
    return found


def _times(name: str, times: int) -> str:
    return f"{name} ×{times}"


def _repeated_kind(name: str) -> SystemKind:
    return "samples" if name.startswith(SAMPLES) else "corrections"


def _row(
    dataset: str, name: str, kind: SystemKind, trials: Sequence[Trial], clusters: Mapping[tuple[str, str], str]
) -> Row:
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
        accuracy=clustered_share([trial.score or 0.0 for trial in scored], _clusters(scored, clusters)),
        answered=sum(trial.answer is not None for trial in scored) / count,
        calls=usage.calls / count,
        prompt_tokens=usage.prompt_tokens / count,
        completion_tokens=usage.completion_tokens / count,
        reused_tokens=usage.reused_tokens / count,
        seconds=float(np.quantile(seconds, 0.5)),
        seconds_p95=float(np.quantile(seconds, 0.95)),
        cost=usage.cost / count,
        respelled=sum(trial.respelled for trial in scored) / count,
        conduct=conduct(scored),
    )


def _clusters(trials: Iterable[Trial], clusters: Mapping[tuple[str, str], str]) -> list[tuple[str, str]]:
    return [(trial.dataset, clusters[trial.dataset, trial.item]) for trial in trials]


def _against(name: str, kind: SystemKind, table: Table, clusters: Mapping[tuple[str, str], str]) -> Iterable[Against]:
    """A system beside the best member, and beside what that member makes of the same tokens."""
    if kind != "system":
        rivals = [BEST] if kind in ("samples", "corrections") else []
    else:
        rivals = [BEST]
        budget = fmean(trial.usage.tokens for trial in table[name])
        for repeated in (SAMPLES, CORRECTIONS):
            costs = {
                other: abs(fmean(trial.usage.tokens for trial in some) - budget)
                for other, some in table.items()
                if other.startswith(f"{repeated} ×") or other == BEST
            }
            if len(costs) > 1 and (closest := min(costs, key=lambda other: costs[other])) != BEST:
                rivals.append(closest)
    for rival in rivals:
        if rival in table and rival != name:
            ours, theirs = _paired(table[name], table[rival])
            if not ours:
                continue
            ours_scores, their_scores = [t.score or 0.0 for t in ours], [t.score or 0.0 for t in theirs]
            where = _clusters(ours, clusters)
            p = clustered_p(ours_scores, their_scores, where)
            spent = sum(trial.usage.tokens for trial in ours)
            yield Against(
                rival,
                clustered_paired_difference(ours_scores, their_scores, where),
                p,
                p,
                sum(trial.usage.tokens for trial in theirs) / spent if spent else None,
            )


def _paired(ours: Sequence[Trial], theirs: Sequence[Trial]) -> tuple[list[Trial], list[Trial]]:
    """The trials of the same items and epochs that both have a score for."""
    other = {(t.dataset, t.item, t.epoch): t for t in theirs if t.score is not None}
    pairs = [
        (trial, other[trial.dataset, trial.item, trial.epoch])
        for trial in ours
        if trial.score is not None and (trial.dataset, trial.item, trial.epoch) in other
    ]
    return [one for one, _ in pairs], [two for _, two in pairs]


def _corrected(rows: Sequence[Row]) -> Iterable[Row]:
    """The rows with corrected p-values. One family of tests for each kind of rival, the rows over everything apart."""
    families: dict[tuple[str, bool], list[tuple[int, int]]] = defaultdict(list)
    for place, row in enumerate(rows):
        for index, against in enumerate(row.against):
            families[against.rival.split(" ×")[0], row.dataset == ALL].append((place, index))
    found = [list(row.against) for row in rows]
    for places in families.values():
        for (place, index), p in zip(places, holm([found[a][b].p for a, b in places]), strict=True):
            found[place][index] = replace(found[place][index], corrected_p=p)
    for row, beside in zip(rows, found, strict=True):
        yield replace(row, against=tuple(beside))


def _correlations(record: EvaluationRecord, tables: Mapping[str, Table]) -> Iterable[Correlation]:
    members = [system.name for system in record.systems if system.kind == "member"]
    for dataset, table in tables.items():
        present = [name for name in members if name in table]
        for place, one in enumerate(present):
            for other in present[place + 1 :]:
                ours, theirs = _paired(table[one], table[other])
                wrong = [[(t.score or 0.0) < RIGHT for t in some] for some in (ours, theirs)]
                yield Correlation(dataset, one, other, phi(*wrong) if ours else None)


def _fixed(record: EvaluationRecord, trials: Sequence[Trial], tables: Mapping[str, Table]) -> dict[str, dict[str, str]]:
    """The best path of each group on the calibration items; of equals the first listed."""
    scores: dict[tuple[str, str], list[float]] = defaultdict(list)
    for trial in trials:
        if trial.split == "calibration" and trial.score is not None:
            for dataset in {trial.dataset, ALL} & tables.keys():
                scores[dataset, trial.system].append(trial.score)
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for dataset in tables:
        for group in dict.fromkeys(system.group for system in record.systems if "path" in system.facts):
            paths = [s.name for s in record.systems if s.group == group and scores.get((dataset, s.name))]
            if paths:
                found[dataset][group] = max(paths, key=lambda name: fmean(scores[dataset, name]))
    return dict(found)


def _grid(trials: Sequence[Trial], place: Mapping[tuple[str, str], int]) -> tuple[float | None, ...]:
    scores: dict[int, list[float]] = defaultdict(list)
    for trial in trials:
        if trial.score is not None:
            scores[place[trial.dataset, trial.item]].append(trial.score)
    return tuple(fmean(scores[number]) if number in scores else None for number in range(len(place)))
