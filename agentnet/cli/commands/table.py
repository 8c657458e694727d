"""``agentnet table``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentnet.cli import options

if TYPE_CHECKING:
    from agentnet.evals.statistics import Interval


class Which(StrEnum):
    """The comparisons that there are."""

    FIRST_LIGHT = "first-light"
    FUSION = "fusion"


async def table(
    which: Annotated[Which, typer.Argument(help="What is compared.")] = Which.FIRST_LIGHT,
    items: Annotated[int | None, typer.Option("--items", min=10, help="Held-out items of each comparison.")] = None,
    json: options.Json = False,
) -> None:
    """Measure collaboration on the zoo against single models.

    first-light: delegation and verification; fusion: decoding together, token by token. Each beside the best single
    model on the same held-out items.
    """
    from agentnet.cli.output import console, emit
    from agentnet.cli.output import table as plain_table
    from agentnet.evals.comparison import CONCURRENT
    from agentnet.evals.first_light import first_light
    from agentnet.evals.fusion import fusion
    from agentnet.workplace import open_workplace
    from agentnet.zoo import catalog

    # The first table is bit-equal when repeated; to fuse is to take many small steps, which go faster together.
    spec = catalog.network(sequences=1 if which is Which.FIRST_LIGHT else CONCURRENT)
    async with open_workplace(options.settings_from(), network=(spec, Path.cwd()), remember=False) as place:
        measure, usual = (first_light, 200) if which is Which.FIRST_LIGHT else (fusion, 300)
        found = await measure(place.network, items or usual, lambda name: None if json else typer.echo(name, err=True))
    if json:
        emit([row.as_json() for row in found])
        return
    rows = plain_table("items", "system", "right", "95 %", "calls", "gain over", "p", right=("right", "calls", "p"))
    for row in found:
        right = row.accuracy
        gain = f"{row.rival}: {_points(row.gain)}" if row.rival and row.gain else ""
        rows.add_row(
            row.family,
            row.system,
            f"{100 * right.estimate:.1f} %",
            f"{100 * right.low:.1f}–{100 * right.high:.1f}",
            f"{row.calls:.2f}",
            gain,
            "" if row.p is None else f"{row.p:.2g}",
        )
    console().print(rows)


def _points(gain: Interval) -> str:
    """A difference of shares in percentage points, with its interval."""
    return f"{100 * gain.estimate:+.1f} ({100 * gain.low:+.1f} to {100 * gain.high:+.1f})"
