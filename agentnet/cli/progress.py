"""The progress of an evaluation on stderr: a bar with rate and remaining time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from agentnet.contracts.evaluations import EvaluationRecord
    from agentnet.evals.jobs import Progress


@contextmanager
def progress_for(record: EvaluationRecord, *, json: bool) -> Iterator[Callable[[Progress], None]]:
    """Yield a function that shows progress.

    It shows nothing with `json`, and two lines for each phase if stderr is no terminal.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    if json:
        yield lambda _: None
        return
    typer.echo(f"evaluation {record.id} of suite {record.name}", err=True)
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines()
        return
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"))
    with Bar(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console) as bar:
        tasks = {}

        def show(progress: Progress) -> None:
            if progress.phase not in tasks:
                tasks[progress.phase] = bar.add_task(
                    progress.phase, total=progress.total, completed=progress.done, rate=""
                )
            task = tasks[progress.phase]
            speed = bar.tasks[task].speed
            failed = f", {progress.failed} without a score" if progress.failed else ""
            rate = f"{speed:.1f}/s{failed}" if speed else failed
            bar.update(task, completed=progress.done, rate=rate)

        yield show


def _lines() -> Callable[[Progress], None]:
    seen: set[tuple[str, bool]] = set()

    def show(progress: Progress) -> None:
        over = progress.done == progress.total
        if (progress.phase, over) not in seen:
            seen.add((progress.phase, over))
            typer.echo(f"{progress.phase}: {progress.done} of {progress.total}", err=True)

    return show
