"""``agentnet table``."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentnet.cli import options

if TYPE_CHECKING:
    from agentnet.evals.online import Curve
    from agentnet.evals.statistics import Interval


class Which(StrEnum):
    """The comparisons that there are."""

    FIRST_LIGHT = "first-light"
    FUSION = "fusion"
    ONLINE = "online"


async def table(
    which: Annotated[Which, typer.Argument(help="What is compared.")] = Which.FIRST_LIGHT,
    items: Annotated[int | None, typer.Option("--items", min=10, help="Held-out items of each comparison.")] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw the curves of `online`: .svg, .png or .pdf.")
    ] = None,
    json: options.Json = False,
) -> None:
    """Measure collaboration on the zoo against single models.

    first-light: delegation and verification; fusion: decoding together, token by token. Each beside the best single
    model on the same held-out items. online: what is left of them when members are not always there.
    """
    from agentnet.cli.output import console, emit
    from agentnet.cli.output import table as plain_table
    from agentnet.evals.comparison import CONCURRENT
    from agentnet.evals.first_light import first_light
    from agentnet.evals.fusion import fusion
    from agentnet.evals.online import online
    from agentnet.workplace import open_workplace
    from agentnet.zoo import catalog

    # The first table is bit-equal when repeated; to fuse is to take many small steps, which go faster together.
    spec = catalog.network(sequences=1 if which is Which.FIRST_LIGHT else CONCURRENT)
    async with open_workplace(options.settings_from(), network=(spec, Path.cwd()), remember=False) as place:

        def done(name: str) -> None:
            if not json:
                typer.echo(name, err=True)

        if which is Which.ONLINE:
            _show_online(await online(place.network, items or 300, done), plot, json=json)
            return
        measure, usual = (first_light, 200) if which is Which.FIRST_LIGHT else (fusion, 300)
        found = await measure(place.network, items or usual, done)
    if json:
        emit([row.as_json() for row in found])
        return
    aligned = any(row.respelled for row in found)
    columns = ("items", "system", "right", "95 %", "calls", *(["respelled"] if aligned else []), "gain over", "p")
    rows = plain_table(*columns, right=("right", "calls", "respelled", "p"))
    for row in found:
        right = row.accuracy
        gain = f"{row.rival}: {_points(row.gain)}" if row.rival and row.gain else ""
        rows.add_row(
            row.family,
            row.system,
            f"{100 * right.estimate:.1f} %",
            f"{100 * right.low:.1f}–{100 * right.high:.1f}",
            f"{row.calls:.2f}",
            *([f"{row.respelled:.1f}"] if aligned else []),
            gain,
            "" if row.p is None else f"{row.p:.2g}",
        )
    console().print(rows)


def _show_online(curves: Sequence[Curve], plot: Path | None, *, json: bool) -> None:
    from dataclasses import asdict

    from agentnet.cli.output import console, emit
    from agentnet.cli.output import table as plain_table
    from agentnet.evals.online import RATES
    from agentnet.evals.plots import plot_online

    if plot is not None:
        plot_online(curves, plot)
    if json:
        emit([asdict(curve) for curve in curves])
        return
    names = [f"{rate:.0%}" for rate in RATES]
    rows = plain_table("system", *names, right=tuple(names))
    for curve in curves:
        rows.add_row(curve.system, *(f"{100 * share:.1f} %" for share in curve.accuracy))
    console().print(rows)


def _points(gain: Interval) -> str:
    """A difference of shares in percentage points, with its interval."""
    return f"{100 * gain.estimate:+.1f} ({100 * gain.low:+.1f} to {100 * gain.high:+.1f})"
