"""A table of systems and their trials for each dataset, with the baselines that follow from them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean

from agentnet.contracts.evaluations import EvaluationRecord, Item, SystemKind, Trial
from agentnet.evals.equal_budget import affordable, truncated
from agentnet.evals.suite import SuiteSpec
from agentnet.evals.systems import BEST, CORRECTIONS, SAMPLES

ALL = "all"
"""The dataset of rows over every item of the suite."""

Table = dict[str, list[Trial]]
"""System → its trials, in the order of items and epochs."""


def summary_tables(
    record: EvaluationRecord, best: Mapping[str, str], trials: Sequence[Trial], items: Sequence[Item]
) -> dict[str, Table]:
    """Return dataset → the test trials of each system, with those of the baselines that follow from them.

    With several datasets, the table `ALL` comes first. It has the systems that were tried on each of them.
    """
    suite = SuiteSpec.model_validate(record.suite)
    order = {(item.dataset, item.id): number for number, item in enumerate(items)}
    label = {(item.dataset, item.id): item.label for item in items}
    ordered = sorted(
        (trial for trial in trials if trial.split == "test"),
        key=lambda trial: (order[trial.dataset, trial.item], trial.epoch),
    )
    tables: dict[str, Table] = {}
    for dataset in dict.fromkeys(item.dataset for item in items):
        here = [trial for trial in ordered if trial.dataset == dataset]
        by_system: Table = defaultdict(list)
        for trial in here:
            by_system[trial.system].append(trial)
        table: Table = {}
        if suite.baselines:
            table[BEST] = [trial for trial in here if trial.system == best[label[trial.dataset, trial.item]]]
        for system in record.systems:
            if system.name in by_system and (system.kind == "system" or _is_shown(system.kind, suite)):
                table[system.name] = by_system[system.name]
        tables[dataset] = table | _repeated(record, table, by_system)
    if len(tables) > 1:
        everywhere = [name for name in next(iter(tables.values())) if all(name in table for table in tables.values())]
        whole = {name: [trial for table in tables.values() for trial in table[name]] for name in everywhere}
        return {ALL: whole, **tables}
    return tables


def kind_of(name: str, record: EvaluationRecord) -> SystemKind:
    """Return the kind of a table's row: that of the system, or of the baseline that follows from trials of others."""
    if name == BEST:
        return "best"
    for system in record.systems:
        if system.name == name:
            return system.kind
    return "samples" if name.startswith(SAMPLES) else "corrections"


def _is_shown(kind: SystemKind, suite: SuiteSpec) -> bool:
    return kind == "member" and "members" in suite.baselines


def _repeated(record: EvaluationRecord, table: Table, by_system: Table) -> Table:
    """The best member asked again, at each token budget that a system of the table has."""
    budgets = [
        fmean(tokens)
        for system in record.systems
        if system.kind == "system"
        and (tokens := [trial.usage.tokens for trial in table.get(system.name, ()) if trial.score is not None])
    ]
    repeated: Table = {}
    for name in (SAMPLES, CORRECTIONS):
        if pool := by_system.get(name):
            for times in sorted({affordable(budget, pool) for budget in budgets} - {1}):
                repeated[f"{name} ×{times}"] = [truncated(trial, times) for trial in pool]
    return repeated
