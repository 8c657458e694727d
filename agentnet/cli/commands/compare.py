"""``agentnet compare``."""

from __future__ import annotations

from typing import Annotated

import typer

from agentnet.cli import options

SIDE = "An evaluation's id, or ID/SYSTEM."


async def compare(
    first: Annotated[str, typer.Argument(metavar="A", help=SIDE)],
    second: Annotated[str, typer.Argument(metavar="B", help=SIDE)],
    store: options.StoreOption = None,
    json: options.Json = False,
) -> None:
    """Compare two evaluations system by system, or two systems, on their common items.

    A gain is the accuracy of B minus that of A, with a paired 95 % interval; p is corrected for multiple comparisons.
    """
    from dataclasses import asdict

    from agentnet.cli.output import emit, show_table, table
    from agentnet.evals.comparing import compare_trials, side
    from agentnet.evals.formatting import percent, points
    from agentnet.store import Database, Evaluations

    settings = options.settings_from(store=store)
    async with await Database.open(settings.store.value, existing=True) as opened:
        evaluations = Evaluations(opened)
        comparisons = compare_trials(await side(first, evaluations), await side(second, evaluations))
    if json:
        emit([asdict(comparison) for comparison in comparisons])
        return
    same_names = all(row.one == row.other for row in comparisons)
    systems = ("system",) if same_names else ("A", "B")
    numbers = ("n", "A right", "B right")
    rows = table("items", *systems, *numbers, "B − A, points", "p", right=(*numbers, "p"), wrap=("items", *systems))
    for row in comparisons:
        rows.add_row(
            row.dataset,
            *((row.one,) if same_names else (row.one, row.other)),
            str(row.trials),
            percent(row.accuracy_one),
            percent(row.accuracy_other),
            points(row.gain),
            f"{row.p:.2g}",
        )
    show_table(rows, spare=("n",))
