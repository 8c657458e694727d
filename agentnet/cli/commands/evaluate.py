"""``agentnet eval``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from agentnet.cli import options
from agentnet.cli.entry import EXIT_HELD, EXIT_NOT_HELD


async def evaluate(
    suite: Annotated[
        str | None, typer.Argument(help="A shipped suite's name, or a YAML file. Default: list the suites.")
    ] = None,
    resume: Annotated[str | None, typer.Option("--resume", help="Resume an interrupted evaluation, by its id.")] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, metavar="N", help="Evaluate at most N items of each dataset.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, metavar="N", help="Repeat every item N times.")
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option("--concurrency", min=1, metavar="N", help="Items evaluated concurrently.")
    ] = None,
    network: options.NetworkOption = None,
    seed: options.Seed = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder of the report. Default: beside the store.")
    ] = None,
    store: options.StoreOption = None,
    json: options.Json = False,
) -> int:
    """Run the systems of a suite on the same items, and report how they compare.

    Every item is stored when it is done, so Ctrl-C loses nothing: `--resume` continues. Exit code 1 if items have no
    score because a model could not be asked.
    """
    from agentnet.cli.commands.report import report_folder
    from agentnet.cli.entry import Interruption
    from agentnet.cli.output import emit
    from agentnet.cli.progress import progress_for
    from agentnet.cli.scores import show_summary
    from agentnet.errors import BadInput
    from agentnet.evals.loading import find_suite
    from agentnet.evals.report import prepare, write_report
    from agentnet.evals.session import resume as resume_evaluation
    from agentnet.evals.session import start
    from agentnet.store import Database, Evaluations

    if suite is None and resume is None:
        _list(json)
        return EXIT_HELD
    if suite is not None and resume is not None:
        raise BadInput("give a suite to start or --resume ID, not both")
    given = {"--limit": limit, "--epochs": epochs, "--concurrency": concurrency, "--network": network, "--seed": seed}
    if resume is not None and (changes := [name for name, value in given.items() if value is not None]):
        raise BadInput(f"--resume continues an evaluation with its own options: leave out {', '.join(changes)}")
    settings = options.settings_from(store=store)
    if out is not None:
        prepare(out)
    async with await Database.open(settings.store.value) as opened:
        evaluations = Evaluations(opened)
        if resume is not None:
            record = await evaluations.find(resume)
        else:
            assert suite is not None
            changed = find_suite(suite).changed(limit=limit, epochs=epochs, concurrency=concurrency, seed=seed)
            command = shlex.join(["agentnet", *sys.argv[1:]])
            record = await start(changed, evaluations, network=network, command=command)
        folder = report_folder(settings, record.id) if out is None else out
        Interruption.resume_hint = f"agentnet eval --resume {record.id}"
        with progress_for(record, json=json) as show:
            summary = await resume_evaluation(record, evaluations, show, new=resume is None)
    write_report(summary, folder)
    if json:
        emit(summary.as_json())
    else:
        show_summary(summary)
        typer.echo(f"report: {folder / 'report.html'}")
    return EXIT_NOT_HELD if any(system.failures for system in summary.incomplete) else EXIT_HELD


def _list(json: bool) -> None:
    from agentnet.cli.output import emit, show_table, table
    from agentnet.evals.loading import shipped_suites

    shipped = shipped_suites()
    if json:
        emit([{"name": name, "summary": spec.summary} for name, spec in shipped.items()])
        return
    rows = table("suite", "datasets", "summary", wrap=("datasets", "summary"))
    for name, spec in shipped.items():
        rows.add_row(name, ", ".join(dataset.called for dataset in spec.datasets), spec.summary)
    show_table(rows)
