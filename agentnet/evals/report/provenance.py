"""How an evaluation was made, and what each of its measures means: enough to judge it, and to do it again."""

from __future__ import annotations

from collections.abc import Iterator

from agentnet.evals.suite import DatasetSpec, SuiteSpec
from agentnet.evals.summary import Summary
from agentnet.evals.tables import ALL
from agentnet.evals.wording import counted

DEFINITIONS = (
    ("best, in advance", "the member that was best on other items of the same kind, asked before any reported one"),
    ("right", "mean score of the items; without an answer it is 0. The interval covers the true share 19 times in 20"),
    ("over best", "accuracy minus that of the best single model on the same items, with a paired 95 % interval"),
    ("p", "chance of such a difference if there were none: McNemar's exact test, or a permutation of clusters; "
     "corrected by Holm over all comparisons with that kind of rival. Below 0.05 is better (▲) or worse (▼)"),
    ("self-consistency ×k", "the best single model sampled k times, decided by majority"),
    ("self-correction ×k", "the best single model reads its own answer and answers again, k answers in all"),
    ("equal budget", "that k whose tokens come closest to the system's; ×k without a number: each dataset has its own"),
    ("calls, tokens, cost", "means for an item. Reused: prompt tokens that did not have to be evaluated again"),
    ("s", "seconds from question to answer, with other items under way at the same time; p95: 19 of 20 are faster"),
    ("agreement", "share of members' last answers that equal the most frequent one"),
    ("consensus", "share of items on which all members agreed at some round, and at which (independent answers: 1)"),
    ("wrong → right", "answers that their own author replaced by a right one; the other way round likewise"),
    ("conformity", "of the times a member stood against a majority, how often it adopted that answer next"),
    ("oracle", "share of items on which some member had it right at some time. Gap: and the system did not"),
    ("correlation of errors", "phi coefficient of two members' errors: 1 always together, 0 independently"),
)  # fmt: skip
"""Measure → what it is, in one line."""


def provenance(summary: Summary) -> Iterator[tuple[str, str]]:
    """What it takes to do it again."""
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
    yield "datasets", ", ".join(_told(one, summary) for one in datasets)
    seeds = ", ".join(f"{dataset.called} {dataset.seed}" for dataset in datasets)
    yield "seeds", f"runs {suite.seed}; items {seeds}"
    yield "network", f"{record.network.name}: {', '.join(agent.name for agent in record.network.agents)}"
    calibrated = max((m.items for labels in record.measured.values() for m in labels.values()), default=0)
    yield (
        "best member",
        f"chosen on {calibrated} other items of each kind" if calibrated else "chosen by the cards as they are",
    )
    rows = [row for row in summary.rows if row.dataset != ALL and row.kind in ("member", "system")]
    yield "trials", f"{sum(row.trials for row in rows)}, and those of the best member asked again"
    if failures := sum(one.failures for one in summary.hindered):
        yield "failures", f"{failures} without a score: a model could not be asked"


def _told(dataset: DatasetSpec, summary: Summary) -> str:
    name = dataset.called
    asked, repeated = sum(item.dataset == name for item in summary.items), summary.record.repeated.get(name)
    left_out = f", {counted(repeated, 'repeated line')} left out" if repeated else ""
    return f"{name} ({dataset.loader}, {counted(asked, 'item')}{left_out})"
