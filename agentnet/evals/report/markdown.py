"""The report as Markdown: the tables alone, for reviews and recorded results."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agentnet.evals.formatting import counted, percent, points
from agentnet.evals.online import RATES
from agentnet.evals.report.findings import (
    ATTACKS_NOTE,
    Pair,
    attacks_on,
    comparison_with,
    datasets_of,
    decided_on,
    online,
    overview,
    pairs,
    paths,
    verdict,
    who_lies,
)
from agentnet.evals.report.headline import headline
from agentnet.evals.report.living import changes_of, standings_table
from agentnet.evals.report.numbers import SIGNS, bounds, chance, number, times
from agentnet.evals.report.provenance import provenance
from agentnet.evals.results import Row, Summary
from agentnet.evals.systems import BEST, CORRECTIONS, SAMPLES


def markdown(summary: Summary) -> str:
    """Return the whole report. It ends with how it was made."""
    return "\n".join(_lines(summary)) + "\n"


def _lines(summary: Summary) -> Iterator[str]:
    record = summary.record
    yield f"# {_plain(record.name)}"
    yield ""
    if about := record.suite.get("summary"):
        yield from (_plain(str(about)), "")
    yield from (f"- {_plain(line)}" for line in headline(summary))
    yield from _overview(summary)
    yield from _standings(summary)
    for dataset in datasets_of(summary):
        rows = [row for row in summary.rows if row.dataset == dataset]
        names = ", ".join(summary.chosen_for(dataset))
        yield from ("", f"## {_plain(dataset)}", "")
        items = counted(max(row.items for row in rows), "item")
        yield f"{items}. Best single model, chosen in advance: {_plain(names)}."
        yield from _systems(rows)
        yield from _decisions(summary, dataset)
        yield from _equal_budget(rows)
        yield from _interaction(rows)
        yield from _experiments(summary, dataset)
        yield from _attacks(summary, dataset)
    yield from ("", "## How it was made", "")
    for name, text in provenance(summary):
        yield f"- {name}: {_code(text) if name == 'command' else _plain(text)}"


def _overview(summary: Summary) -> Iterator[str]:
    if not (lines := overview(summary)):
        return
    yield from ("", "Right answers, in per cent; ▲ better, ▼ worse than the best single model:", "")
    body = [
        (
            _called(row),
            *(f"{100 * cell.accuracy.estimate:.1f} {_sign(cell)}".rstrip() if cell else "" for cell in cells),
        )
        for row, cells in lines
    ]
    yield from _table(("system", *datasets_of(summary)), body)


def _systems(rows: Sequence[Row]) -> Iterator[str]:
    head = ["system", "right", "95 %", "over best, in points", "p", "calls", "tokens", "s", "answered"]
    prices, failures = any(row.cost for row in rows), any(row.failures for row in rows)
    body: list[tuple[str, ...]] = []
    for row in rows:
        comparison = comparison_with(row, BEST)
        cells = [_called(row), percent(row.accuracy.estimate), bounds(row.accuracy)]
        if comparison:
            cells += [f"{points(comparison.gain)} {_sign(row)}".rstrip(), chance(comparison.corrected_p)]
        else:
            cells += ["", ""]
        cells += [number(row.calls), number(row.tokens, 0), number(row.seconds), percent(row.answered)]
        cells += [f"{1000 * row.cost:.2f}"] * prices + [str(row.failures or "")] * failures
        body.append(tuple(cells))
    yield ""
    yield from _table([*head, *["cost of 1000"] * prices, *["failures"] * failures], body)


def _standings(summary: Summary) -> Iterator[str]:
    if not (rows := standings_table(summary)):
        return
    changes = "; ".join(f"{change.member} {change.does} at question {at}" for at, change in changes_of(summary))
    yield from ("", f"While the questions arrived: {_plain(changes)}. What was known of the members:", "")
    yield from _table(("member", "question", "standing", "canaries so far", "proven, or why"), rows)


def _decisions(summary: Summary, dataset: str) -> Iterator[str]:
    if not (found := decided_on(summary, dataset)):
        return
    yield from ("", "What the network decided (recognised: taken as of its kind):", "")
    yield from _table(
        ("decided by", "kind of question", "used", "items", "right", "tokens", "recognised"),
        [
            (
                one.system,
                one.label,
                one.used,
                str(one.items),
                percent(one.accuracy),
                number(one.tokens, 0),
                percent(one.recognised),
            )
            for one in found
        ],
    )


def _equal_budget(rows: Sequence[Row]) -> Iterator[str]:
    if not (compared := [row for row in rows if len(row.comparisons) > 1]):
        return
    yield from ("", "At equal token budget, in points:", "")
    yield from _table(
        ("system", "over self-consistency", "p", "over self-correction", "p"),
        [(_called(row), *_over(row, SAMPLES), *_over(row, CORRECTIONS)) for row in compared],
    )


def _over(row: Row, baseline: str) -> tuple[str, str]:
    if (comparison := comparison_with(row, baseline)) is None:
        return "", ""
    gain = f"{points(comparison.gain)} {SIGNS[verdict(comparison)]} ({times(comparison)})"
    return " ".join(gain.split()), chance(comparison.corrected_p)


def _interaction(rows: Sequence[Row]) -> Iterator[str]:
    interacting = [row for row in rows if row.kind == "system" and row.interaction.agreement is not None]
    if not interacting:
        return
    yield from ("", "Between members (oracle: some member was right; the gap is what the system lost):", "")
    head = ("system", "messages", "agreement", "consensus", "at round", "wrong → right", "right → wrong")
    yield from _table(
        (*head, "conformity", "oracle", "gap"),
        [
            (
                _called(row),
                number(row.interaction.messages),
                percent(row.interaction.agreement),
                percent(row.interaction.consensus),
                number(row.interaction.rounds),
                str(row.interaction.helpful_flips),
                str(row.interaction.harmful_flips),
                percent(row.interaction.conformity),
                percent(row.interaction.oracle),
                percent(row.oracle_gap),
            )
            for row in interacting
        ],
    )


def _experiments(summary: Summary, dataset: str) -> Iterator[str]:
    if curves := online(summary, dataset):
        yield from ("", "Expected accuracy, if each member is online with this probability:", "")
        body = [(curve.name, *(percent(share) for share in curve.accuracy)) for curve in curves]
        yield from _table(("system", *(f"{rate:.0%}" for rate in RATES)), body)
    if shapes := [shape for shape in paths(summary) if shape.dataset == dataset]:
        yield from ("", "All orders of a shape; the best after the fact is no fair baseline:", "")
        yield from _table(
            ("shape", "orders", "mean of all", "fixed in advance", "best after the fact", BEST),
            [
                (
                    shape.group,
                    str(len(shape.rows)),
                    percent(shape.mean),
                    f"{percent(shape.fixed.accuracy.estimate)} ({shape.fixed.system})" if shape.fixed else "",
                    f"{percent(shape.after.accuracy.estimate)} ({shape.after.system})",
                    percent(shape.best),
                )
                for shape in shapes
            ],
        )
    if ways := pairs(summary, dataset):
        yield from (
            "",
            "Pairs of members, and each of the two alone (the better one is known only after the fact):",
            "",
        )
        body = [(way, *_pair(pair)) for way, found in ways.items() for pair in found]
        yield from _table(("by", "pair", "together", "better alone", "other alone"), body)


def _attacks(summary: Summary, dataset: str) -> Iterator[str]:
    if not (found := attacks_on(summary, dataset)):
        return
    yield from ("", ATTACKS_NOTE, "")
    yield from _table(
        ("system", "attack", "who lies", "all honest", "liars silent", "attacked", "lost, in points"),
        [
            (
                loss.system,
                loss.attack,
                who_lies(loss),
                percent(loss.honest),
                percent(loss.silent),
                percent(loss.accuracy.estimate),
                points(loss.lost),
            )
            for loss in found
        ],
    )


def _pair(pair: Pair) -> tuple[str, ...]:
    rows = (pair.row, pair.better, pair.other)
    return f"{pair.better.system} + {pair.other.system}", *(percent(row.accuracy.estimate) for row in rows)


def _called(row: Row) -> str:
    return f"**{row.system}**" if row.kind == "best" else row.system


def _sign(row: Row) -> str:
    return SIGNS[verdict(comparison_with(row, BEST))]


def _table(head: Sequence[str], body: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(_plain(cell) for cell in head)} |"
    yield f"|{'---|' * len(head)}"
    for cells in body:
        yield f"| {' | '.join(_plain(cell) for cell in cells)} |"


def _plain(text: str) -> str:
    """Text without line ends, cell ends, markup, links or pictures."""
    return re.sub(r"([\\|\[\]`])", r"\\\1", " ".join(text.split())).replace("&", "&amp;").replace("<", "&lt;")


def _code(text: str) -> str:
    """A command as code, fenced so that no backtick within it ends the code."""
    text = " ".join(text.split())
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}{text}{fence}" if fence == "`" else f"{fence} {text} {fence}"
