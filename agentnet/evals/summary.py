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
from agentnet.evals.calibration import best_members
from agentnet.evals.measures import RIGHT, Conduct, conduct
from agentnet.evals.rivals import Against, clusters_of, corrected, paired, rivals_of
from agentnet.evals.statistics import Interval, clustered_share, phi
from agentnet.evals.systems import BEST
from agentnet.evals.tables import ALL, Table, repeated_kind, summary_tables


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
class Hindered:
    """A system some of whose trials did not go as they should: models could not be asked, or a limit was reached."""

    system: str
    trials: int
    """All of its trials."""
    failures: int
    """Those without a score."""
    why: str
    """What the first failure was, if there is one."""
    incomplete: int
    """Those that have a score, though some agent was missing."""
    missing: tuple[str, ...]
    """Who was."""
    stopped: int = 0
    """Those that ended at the suite's limits, without an answer."""


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
    hindered: tuple[Hindered, ...] = ()

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
            "hindered": [asdict(one) for one in self.hindered],
        }


def summarise(record: EvaluationRecord, trials: Sequence[Trial], items: Sequence[Item]) -> Summary:
    """The summary of an evaluation, also of one that is not over: then of the trials that there are."""
    place = {(item.dataset, item.id): number for number, item in enumerate(items)}
    best = best_members(record, (item.label for item in items))
    tables = summary_tables(record, best, trials, items)
    clusters = {(item.dataset, item.id): item.cluster for item in items}
    rows: list[Row] = []
    for dataset, table in tables.items():
        kinds = {system.name: system for system in record.systems}
        for name, some in table.items():
            if not any(trial.score is not None for trial in some):
                continue
            known = kinds.get(name)
            kind: SystemKind = known.kind if known else "best" if name == BEST else repeated_kind(name)
            row = _row(dataset, name, kind, some, clusters)
            if known is not None:
                row = replace(row, group=known.group, facts=known.facts)
            together = [table] if dataset != ALL else [tables[one] for one in tables if one != ALL]
            rows.append(replace(row, against=tuple(rivals_of(name, kind, together, clusters))))
    return Summary(
        record,
        tuple(corrected(rows)),
        best,
        tuple(_correlations(record, tables)),
        tuple(items),
        {name: _grid(some, place) for name, some in tables.get(ALL, next(iter(tables.values()), {})).items()},
        _fixed(record, trials, tables),
        tuple(_hindered(trials)),
    )


def _hindered(trials: Sequence[Trial]) -> Iterable[Hindered]:
    """Of the test trials; a system without any score has no row that could tell."""
    tests = [trial for trial in trials if trial.split == "test"]
    for name in dict.fromkeys(trial.system for trial in tests):
        mine = [trial for trial in tests if trial.system == name]
        failed = [trial for trial in mine if trial.score is None]
        incomplete = [trial for trial in mine if trial.score is not None and trial.missing]
        stopped = sum(trial.status == "stopped" for trial in mine)
        if failed or incomplete or stopped:
            missing = tuple(sorted({agent for trial in incomplete for agent in trial.missing}))
            why = failed[0].detail if failed else ""
            yield Hindered(name, len(mine), len(failed), why, len(incomplete), missing, stopped)


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
        conduct=conduct(scored),
    )


def _correlations(record: EvaluationRecord, tables: Mapping[str, Table]) -> Iterable[Correlation]:
    members = [system.name for system in record.systems if system.kind == "member"]
    for dataset, table in tables.items():
        present = [name for name in members if name in table]
        for place, one in enumerate(present):
            for other in present[place + 1 :]:
                ours, theirs = paired(table[one], table[other])
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
