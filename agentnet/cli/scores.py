"""The scores of an evaluation in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentnet.cli.output import console, show_table, table

if TYPE_CHECKING:
    from agentnet.evals.results import Row, Summary


def show_summary(summary: Summary) -> None:
    """Print a table for each dataset, then the report's headline.

    A table has the systems, their cost, and their gain over the best single model, chosen in advance.
    """
    from rich.text import Text

    from agentnet.evals.formatting import counted, percent, points
    from agentnet.evals.report.findings import comparison_with, datasets_of
    from agentnet.evals.report.headline import headline
    from agentnet.evals.systems import BEST

    for dataset in datasets_of(summary):
        lines = table(
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
        rows = [row for row in summary.rows if row.dataset == dataset]
        for row in rows:
            comparison = comparison_with(row, BEST)
            lines.add_row(
                Text(_named(row, summary), "bold" if row.kind == "best" else ""),
                percent(row.accuracy.estimate),
                f"{100 * row.accuracy.low:.1f}–{100 * row.accuracy.high:.1f}",
                f"{row.calls:.2f}",
                f"{row.tokens:.0f}",
                f"{row.seconds:.3f}",
                points(comparison.gain) if comparison else "",
                f"{comparison.corrected_p:.2g}" if comparison else "",
            )
        console().print(
            Text(f"\n{dataset}", "bold") + Text(f"  {counted(max(row.items for row in rows), 'item')}", "dim")
        )
        show_table(lines, spare=("s", "calls", "tokens", "95 %"))
    _show_attacks(summary)
    console().print()
    for line in headline(summary):
        console().print(Text(f"• {line}"))


def _show_attacks(summary: Summary) -> None:
    """Print what liars cost each system, for a suite with attacks."""
    from rich.text import Text

    from agentnet.evals.formatting import percent, points
    from agentnet.evals.report.findings import attacks_on, datasets_of, who_lies

    for dataset in datasets_of(summary):
        if not (found := attacks_on(summary, dataset)):
            continue
        numbers = ("all honest", "liars silent", "attacked", "lost, in points")
        lines = table("system", "attack", "who lies", *numbers, right=numbers, wrap=("system", "who lies"))
        for loss in found:
            shares = (loss.honest, loss.silent, loss.accuracy.estimate)
            lost = Text(points(loss.lost), "red" if loss.lost.low > 0 else "")
            lines.add_row(loss.system, loss.attack, who_lies(loss), *map(percent, shares), lost)
        console().print(Text(f"\n{dataset}, under attack", "bold") + Text("  beside the same members silent", "dim"))
        show_table(lines, spare=("all honest",))


def _named(row: Row, summary: Summary) -> str:
    if row.kind != "best":
        return row.system
    names = summary.chosen_for(row.dataset)
    return f"{row.system} ({', '.join(names)})" if len(names) <= 2 else row.system
