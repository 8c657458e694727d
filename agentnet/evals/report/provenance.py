"""How an evaluation was made, and what its measures mean: enough to judge it, and to repeat it."""

from __future__ import annotations

from collections.abc import Iterator

from agentnet.evals.formatting import counted
from agentnet.evals.results import Summary
from agentnet.evals.suite import DatasetSpec, SuiteSpec
from agentnet.evals.tables import ALL

DEFINITIONS = (
    ("best, in advance", "the member that was best on the selection split: other items of the same kind"),
    ("right", "mean score of the items, 0 without an answer. The interval covers the true share 19 times in 20"),
    ("over best", "accuracy minus that of the best single model on the same items, with a paired 95 % interval"),
    ("p", "chance of such a difference if the systems were equal: McNemar's exact test, or a permutation of clusters; "
     "corrected by Holm over all comparisons with that kind of baseline. Below 0.05 is better (▲) or worse (▼)"),
    ("self-consistency ×k", "the best single model sampled k times, decided by majority"),
    ("self-correction ×k", "the best single model reads its own answer and answers again, k answers in all"),
    ("equal budget", "the k whose tokens come closest to the system's; ×k alone: k differs between datasets"),
    ("calls, tokens, cost", "means for an item. Reused: prompt tokens that were in the KV cache already"),
    ("s", "seconds from question to answer, while other items are evaluated; p95: 19 of 20 are faster"),
    ("agreement", "share of members' last answers that equal the most frequent one"),
    ("consensus", "share of items on which all members agreed at some round, and at which (1: independent answers)"),
    ("wrong → right", "wrong answers that their own author replaced by a right one; right → wrong is the reverse"),
    ("conformity", "of the times a member disagreed with a majority, how often it adopted that answer next"),
    ("oracle", "share of items on which some member was right at some time. Gap: and the system was wrong"),
    ("correlation of errors", "phi coefficient of two members' errors: 1 always together, 0 independent"),
)  # fmt: skip
"""Measure → its definition, in one line."""


def provenance(summary: Summary) -> Iterator[tuple[str, str]]:
    """Yield name and value of everything that it takes to repeat an evaluation."""
    record = summary.record
    if record.command:
        yield "command", record.command
    else:
        yield "made by", "a program"
    yield "evaluation", f"{record.id}, {record.created:%Y-%m-%d %H:%M} UTC, {record.status}"
    yield "versions", ", ".join(f"{name} {number}" for name, number in record.versions.items())
    yield "machine", record.machine
    suite = SuiteSpec.model_validate(record.suite)
    datasets = suite.datasets
    yield "datasets", ", ".join(_dataset(dataset, summary) for dataset in datasets)
    seeds = ", ".join(f"{dataset.called} {dataset.seed}" for dataset in datasets)
    yield "seeds", f"runs {suite.seed}; items {seeds}"
    yield "network", f"{record.network.name}: {', '.join(agent.name for agent in record.network.agents)}"
    selection = max((found.items for labels in record.measured.values() for found in labels.values()), default=0)
    yield (
        "best member",
        f"chosen on {selection} other items of each kind" if selection else "chosen by the cards as they are",
    )
    rows = [row for row in summary.rows if row.dataset != ALL and row.kind in ("member", "system")]
    yield "trials", f"{sum(row.trials for row in rows)}, and those of the best member asked again"
    if failures := sum(system.failures for system in summary.incomplete):
        yield "failures", f"{failures} without a score: a model could not be asked"


def _dataset(dataset: DatasetSpec, summary: Summary) -> str:
    name = dataset.called
    asked, repeated = sum(item.dataset == name for item in summary.items), summary.record.repeated.get(name)
    left_out = f", {counted(repeated, 'repeated line')} left out" if repeated else ""
    return f"{name} ({dataset.loader}, {counted(asked, 'item')}{left_out})"
