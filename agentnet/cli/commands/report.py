"""``agentnet report``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentnet.cli import options

if TYPE_CHECKING:
    from agentnet.settings import Settings
    from agentnet.store import Evaluations


async def report(
    evaluation: Annotated[
        str | None, typer.Argument(help="The evaluation's id, or a prefix of it. Default: list them.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder of the report. Default: beside the store.")
    ] = None,
    store: options.StoreOption = None,
    json: options.Json = False,
) -> None:
    """Write the report of an evaluation, finished or not: one HTML file, Markdown and JSON beside it."""
    from agentnet.cli.output import emit
    from agentnet.cli.scores import show_summary
    from agentnet.evals.report import write_report
    from agentnet.evals.session import summary
    from agentnet.store import Database, Evaluations

    settings = options.settings_from(store=store)
    async with await Database.open(settings.store.value, existing=evaluation is not None) as opened:
        evaluations = Evaluations(opened)
        if evaluation is None:
            await _list(evaluations, json)
            return
        results = await summary(evaluation, evaluations)
    folder = write_report(results, out or report_folder(settings, results.record.id))
    if json:
        emit(results.as_json())
        return
    show_summary(results)
    typer.echo(f"report: {folder / 'report.html'}")


def report_folder(settings: Settings, evaluation: str) -> Path:
    """Return the default folder of an evaluation's report."""
    return settings.checkpoints.parent / "reports" / evaluation


async def _list(evaluations: Evaluations, json: bool) -> None:
    from agentnet.cli.output import emit, show_table, table

    latest = await evaluations.latest()
    counts = await evaluations.counts(record.id for record in latest)
    if json:
        emit(
            [
                {"id": record.id, "suite": record.name, "status": record.status, "trials": counts.get(record.id, 0)}
                for record in latest
            ]
        )
        return
    rows = table("evaluation", "suite", "status", "trials", "started", right=("trials",))
    for record in latest:
        started = f"{record.created.astimezone():%Y-%m-%d %H:%M}"
        rows.add_row(record.id, record.name, record.status, str(counts.get(record.id, 0)), started)
    show_table(rows)
