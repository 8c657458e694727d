"""The report as Markdown: the tables alone, for reviews and recorded results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agentnet.contracts.evaluations import EvaluationRecord
from agentnet.evals.online import RATES
from agentnet.evals.report.findings import (
    BEST,
    CORRECTIONS,
    SAMPLES,
    against,
    datasets_of,
    headline,
    online,
    paths,
    verdict,
)
from agentnet.evals.suite import SuiteSpec
from agentnet.evals.summary import Row, Summary
from agentnet.evals.wording import percent, points

SIGNS = {"better": "▲", "worse": "▼", "open": ""}


def markdown(summary: Summary) -> str:
    """The whole report, ending with how it was made."""
    return "\n".join(_lines(summary)) + "\n"


def _lines(summary: Summary) -> Iterator[str]:
    record = summary.record
    yield f"# {_plain(record.name)}"
    yield ""
    if found := record.suite.get("summary"):
        yield from (_plain(str(found)), "")
    yield from (f"- {_plain(line)}" for line in headline(summary))
    for dataset in datasets_of(summary):
        rows = [row for row in summary.rows if row.dataset == dataset]
        names = ", ".join(summary.chosen_for(dataset))
        yield from ("", f"## {_plain(dataset)}", "")
        yield f"{max(row.items for row in rows)} items. Best single model, chosen in advance: {_plain(names)}."
        yield ""
        head = ("system", "right", "95 %", "over best, in points", "p", "calls", "tokens", "s", "answered")
        if any(row.cost for row in rows):
            yield from _table((*head, "cost of 1000"), [(*_cells(row), f"{1000 * row.cost:.2f}") for row in rows])
        else:
            yield from _table(head, [_cells(row) for row in rows])
        if beside := [row for row in rows if len(row.against) > 1]:
            yield from ("", "At equal token budget, in points:", "")
            yield from _table(
                ("system", "over self-consistency", "p", "over self-correction", "p"), [_equal(row) for row in beside]
            )
        if talked := [row for row in rows if row.conduct.agreement is not None]:
            yield from ("", "Between members (oracle: some member had it right; the gap is what the system lost):", "")
            yield from _table(
                ("system", "agreement", "wrong → right", "right → wrong", "conformity", "oracle", "gap"),
                [_between(row) for row in talked],
            )
        if curves := online(summary, dataset):
            yield from ("", "Expected accuracy, if each member is online with this probability:", "")
            body = [(curve.name, *(f"{100 * share:.1f} %" for share in curve.accuracy)) for curve in curves]
            yield from _table(("system", *(f"{rate:.0%}" for rate in RATES)), body)
        if shapes := [found for found in paths(summary) if found.dataset == dataset]:
            yield from ("", "All orders of a shape; the best after the fact is no fair rival of anything:", "")
            yield from _table(
                ("shape", "orders", "mean of all", "fixed in advance", "best after the fact", BEST),
                [
                    (
                        found.group,
                        str(len(found.rows)),
                        percent(found.mean),
                        f"{percent(found.fixed.accuracy.estimate)} ({found.fixed.system})" if found.fixed else "",
                        f"{percent(found.after.accuracy.estimate)} ({found.after.system})",
                        "" if found.best is None else percent(found.best),
                    )
                    for found in shapes
                ],
            )
    yield from ("", "## How it was made", "")
    yield from (f"- {name}: {_plain(text)}" for name, text in provenance(record, summary))


def provenance(record: EvaluationRecord, summary: Summary) -> Iterator[tuple[str, str]]:
    """What it takes to do it again."""
    yield "command", f"`{record.command}`" if record.command else "called from Python"
    yield "evaluation", f"{record.id}, {record.created:%Y-%m-%d %H:%M} UTC, {record.status}"
    yield "versions", ", ".join(f"{name} {number}" for name, number in record.versions.items())
    yield "machine", record.machine
    datasets = SuiteSpec.model_validate(record.suite).datasets
    seeds = ", ".join(f"{dataset.called} {dataset.seed}" for dataset in datasets)
    yield "seeds", f"runs {record.seed}; items {seeds}"
    yield "network", f"{record.network.name}: {', '.join(agent.name for agent in record.network.agents)}"
    calibrated = max((m.items for labels in record.measured.values() for m in labels.values()), default=0)
    yield (
        "best member",
        f"chosen on {calibrated} other items of each kind" if calibrated else "chosen by the cards as they are",
    )
    trials = sum(row.trials for row in summary.rows if row.dataset != "all" and row.kind in ("member", "system"))
    yield "trials", f"{trials}, and those of the best member asked again"


def _cells(row: Row) -> tuple[str, ...]:
    beside = against(row, BEST)
    return (
        f"**{row.system}**" if row.kind == "best" else row.system,
        percent(row.accuracy.estimate),
        f"{100 * row.accuracy.low:.1f}–{100 * row.accuracy.high:.1f}",
        f"{points(beside.gain)} {SIGNS[verdict(beside)]}".rstrip() if beside else "",
        f"{beside.corrected_p:.2g}" if beside else "",
        f"{row.calls:.2f}",
        f"{row.tokens:.0f}",
        f"{row.seconds:.2f}",
        percent(row.answered),
    )


def _equal(row: Row) -> tuple[str, ...]:
    cells = [row.system]
    for rival in (SAMPLES, CORRECTIONS):
        beside = against(row, rival)
        times = beside.rival.rpartition(" ")[2] if beside else ""
        cells += [f"{points(beside.gain)} {SIGNS[verdict(beside)]} ({times})" if beside else ""]
        cells += [f"{beside.corrected_p:.2g}" if beside else ""]
    return tuple(cells)


def _between(row: Row) -> tuple[str, ...]:
    told = row.conduct
    shares = (told.agreement, told.conformity, told.oracle, row.oracle_gap)
    agreement, conformity, oracle, gap = ("" if share is None else percent(share) for share in shares)
    return row.system, agreement, str(told.corrected), str(told.spoiled), conformity, oracle, gap


def _table(head: Sequence[str], body: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for cells in body:
        yield f"| {' | '.join(_plain(cell) for cell in cells)} |"


def _plain(text: str) -> str:
    """Text that cannot leave its line or its cell, and holds no markup of its own but emphasis and code."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
