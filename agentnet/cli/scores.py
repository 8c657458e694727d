"""Evaluations in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentnet.cli.output import console, show_table, table

if TYPE_CHECKING:
    from agentnet.evals.summary import Row, Summary


def show_summary(summary: Summary) -> None:
    """A table for each dataset: the systems, what they cost, and what they gain over the best member in advance; then
    all of it in plain words."""
    from rich.text import Text

    from agentnet.evals.report.headline import headline
    from agentnet.evals.systems import BEST
    from agentnet.evals.wording import counted, percent, points

    for dataset in dict.fromkeys(row.dataset for row in summary.rows):
        rows = table(
            "system",
            "right",
            "95 %",
            "calls",
            "tokens",
            "s",
            f"over {BEST}",
            "p",
            right=("right", "calls", "tokens", "s", "p"),
            wrap=("system",),
        )
        some = [row for row in summary.rows if row.dataset == dataset]
        for row in some:
            against = next((one for one in row.against if one.rival == BEST), None)
            rows.add_row(
                Text(_named(row, summary), "bold" if row.kind == "best" else ""),
                percent(row.accuracy.estimate),
                f"{100 * row.accuracy.low:.1f}–{100 * row.accuracy.high:.1f}",
                f"{row.calls:.2f}",
                f"{row.tokens:.0f}",
                f"{row.seconds:.3f}",
                points(against.gain) if against else "",
                f"{against.corrected_p:.2g}" if against else "",
            )
        console().print(
            Text(f"\n{dataset}", "bold") + Text(f"  {counted(max(row.items for row in some), 'item')}", "dim")
        )
        show_table(rows, spare=("s", "calls", "tokens", "95 %"))
    console().print()
    for line in headline(summary):
        console().print(Text(f"• {line}"))


def _named(row: Row, summary: Summary) -> str:
    if row.kind != "best":
        return row.system
    names = summary.chosen_for(row.dataset)
    return f"{row.system} ({', '.join(names)})" if len(names) <= 2 else row.system
