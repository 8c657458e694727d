"""Which trials stand beside which: a table of systems for each dataset, with the rivals that follow from them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean

from agentnet.contracts.evaluations import EvaluationRecord, Item, SystemKind, Trial
from agentnet.evals.equal_budget import affordable, first
from agentnet.evals.suite import SuiteSpec
from agentnet.evals.systems import BEST, CORRECTIONS, SAMPLES

ALL = "all"
"""The dataset of rows over every item of the suite."""

Table = dict[str, list[Trial]]
"""System → its trials, in the order of items and epochs."""


def summary_tables(
    record: EvaluationRecord, best: Mapping[str, str], trials: Sequence[Trial], items: Sequence[Item]
) -> dict[str, Table]:
    """Dataset → the trials of each system, with those of the rivals that follow from them; `ALL` where there are
    several datasets and a system was tried on each."""
    suite = SuiteSpec.model_validate(record.suite)
    place = {(item.dataset, item.id): number for number, item in enumerate(items)}
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
        fmean(scored)
        for system in record.systems
        if system.kind == "system"
        and (scored := [trial.usage.tokens for trial in table.get(system.name, ()) if trial.score is not None])
    ]
    for name in (SAMPLES, CORRECTIONS):
        if pool := by_system.get(name):
            for times in sorted({affordable(budget, pool) for budget in budgets} - {1}):
                found[_times(name, times)] = [first(trial, times) for trial in pool]
    return found


def _times(name: str, times: int) -> str:
    return f"{name} ×{times}"


def repeated_kind(name: str) -> SystemKind:
    """The kind of a table's row that is neither a system of the evaluation nor `BEST`."""
    return "samples" if name.startswith(SAMPLES) else "corrections"
