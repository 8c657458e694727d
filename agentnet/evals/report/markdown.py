"""The report as Markdown: the tables alone, for reviews and recorded results."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agentnet.evals.online import RATES
from agentnet.evals.report.findings import (
    Pair,
    against,
    datasets_of,
    glance,
    online,
    pairs,
    paths,
    verdict,
)
from agentnet.evals.report.headline import headline
from agentnet.evals.report.numbers import SIGNS, bounds, chance, number, times
from agentnet.evals.report.provenance import provenance
from agentnet.evals.summary import Row, Summary
from agentnet.evals.systems import BEST, CORRECTIONS, SAMPLES
from agentnet.evals.wording import counted, percent, points


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
    yield from _glance(summary)
    for dataset in datasets_of(summary):
        rows = [row for row in summary.rows if row.dataset == dataset]
        names = ", ".join(summary.chosen_for(dataset))
        yield from ("", f"## {_plain(dataset)}", "")
        items = counted(max(row.items for row in rows), "item")
        yield f"{items}. Best single model, chosen in advance: {_plain(names)}."
        yield from _systems(rows)
        yield from _equal_budget(rows)
        yield from _conduct(rows)
        yield from _experiments(summary, dataset)
    yield from ("", "## How it was made", "")
    for name, text in provenance(summary):
        yield f"- {name}: {_code(text) if name == 'command' else _plain(text)}"


def _glance(summary: Summary) -> Iterator[str]:
    if not (found := glance(summary)):
        return
    yield from ("", "Right answers, in per cent; ▲ better, ▼ worse than the best single model:", "")
    body = [
        (_called(row), *(f"{100 * one.accuracy.estimate:.1f} {_sign(one)}".rstrip() if one else "" for one in cells))
        for row, cells in found
    ]
    yield from _table(("system", *datasets_of(summary)), body)


def _systems(rows: Sequence[Row]) -> Iterator[str]:
    head = ["system", "right", "95 %", "over best, in points", "p", "calls", "tokens", "s", "answered"]
    prices, failures = any(row.cost for row in rows), any(row.failures for row in rows)
    body: list[tuple[str, ...]] = []
    for row in rows:
        beside = against(row, BEST)
        cells = [_called(row), percent(row.accuracy.estimate), bounds(row.accuracy)]
        cells += [f"{points(beside.gain)} {_sign(row)}".rstrip(), chance(beside.corrected_p)] if beside else ["", ""]
        cells += [number(row.calls), number(row.tokens, 0), number(row.seconds), percent(row.answered)]
        cells += [f"{1000 * row.cost:.2f}"] * prices + [str(row.failures or "")] * failures
        body.append(tuple(cells))
    yield ""
    yield from _table([*head, *["cost of 1000"] * prices, *["failures"] * failures], body)


def _equal_budget(rows: Sequence[Row]) -> Iterator[str]:
    if not (beside := [row for row in rows if len(row.against) > 1]):
        return
    yield from ("", "At equal token budget, in points:", "")
    yield from _table(
        ("system", "over self-consistency", "p", "over self-correction", "p"),
        [(_called(row), *_over(row, SAMPLES), *_over(row, CORRECTIONS)) for row in beside],
    )


def _over(row: Row, rival: str) -> tuple[str, str]:
    if (beside := against(row, rival)) is None:
        return "", ""
    sign = SIGNS[verdict(beside)]
    return " ".join(f"{points(beside.gain)} {sign} ({times(beside)})".split()), chance(beside.corrected_p)


def _conduct(rows: Sequence[Row]) -> Iterator[str]:
    spoke = [row for row in rows if row.kind == "system" and row.conduct.agreement is not None]
    if not spoke:
        return
    yield from ("", "Between members (oracle: some member had it right; the gap is what the system lost):", "")
    head = ("system", "messages", "agreement", "consensus", "at round", "wrong → right", "right → wrong")
    yield from _table(
        (*head, "conformity", "oracle", "gap"),
        [
            (
                _called(row),
                number(row.conduct.messages),
                percent(row.conduct.agreement),
                percent(row.conduct.consensus),
                number(row.conduct.rounds),
                str(row.conduct.corrected),
                str(row.conduct.spoiled),
                percent(row.conduct.conformity),
                percent(row.conduct.oracle),
                percent(row.oracle_gap),
            )
            for row in spoke
        ],
    )


def _experiments(summary: Summary, dataset: str) -> Iterator[str]:
    if curves := online(summary, dataset):
        yield from ("", "Expected accuracy, if each member is online with this probability:", "")
        body = [(curve.name, *(percent(share) for share in curve.accuracy)) for curve in curves]
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
                    percent(found.best),
                )
                for found in shapes
            ],
        )
    if ways := pairs(summary, dataset):
        yield from ("", "Pairs of members, beside the better of the two alone (known only after the fact):", "")
        body = [(by, *_pair(pair)) for by, some in ways.items() for pair in some]
        yield from _table(("by", "pair", "together", "better alone", "other alone"), body)


def _pair(pair: Pair) -> tuple[str, ...]:
    rows = (pair.row, pair.better, pair.other)
    return f"{pair.better.system} + {pair.other.system}", *(percent(row.accuracy.estimate) for row in rows)


def _called(row: Row) -> str:
    return f"**{row.system}**" if row.kind == "best" else row.system


def _sign(row: Row) -> str:
    return SIGNS[verdict(against(row, BEST))]


def _table(head: Sequence[str], body: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(_plain(cell) for cell in head)} |"
    yield f"|{'---|' * len(head)}"
    for cells in body:
        yield f"| {' | '.join(_plain(cell) for cell in cells)} |"


def _plain(text: str) -> str:
    """Text that cannot leave its line or its cell, and holds no markup, links or pictures of its own."""
    return re.sub(r"([\\|\[\]`])", r"\\\1", " ".join(text.split())).replace("&", "&amp;").replace("<", "&lt;")


def _code(text: str) -> str:
    """A command as code that no backtick within it ends."""
    text = " ".join(text.split())
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}{text}{fence}" if fence == "`" else f"{fence} {text} {fence}"
