"""``agentnet forget`` and ``agentnet verify``: removing a run for good, and checking that it is as it was recorded."""

from __future__ import annotations

from typing import Annotated

import typer

from agentnet.cli import options
from agentnet.cli.entry import EXIT_HELD, EXIT_NOT_HELD, printable

Run = Annotated[str, typer.Argument(help="The run's id, or a prefix of it.", show_default=False)]


async def forget(run: Run, store: options.StoreOption = None, json: options.Json = False) -> None:
    """Remove a run for good: its messages, its checkpoints, its result.

    Refused while a process works on the run. Reports and other copies are not touched: the runs that were forked from
    it are named.
    """
    from agentnet.cli.output import console, emit
    from agentnet.store.storage import open_storage

    async with open_storage(options.settings_from(store=store), existing=True) as storage:
        record = await storage.runs.find(run)
        forks = await storage.runs.forks(record.id)
        forgotten = await storage.forget(record.id)
    if json:
        emit({"run": record.id, "messages": forgotten, "forks": forks})
        return
    console().print(f"forgot run {record.id}: {forgotten} messages")
    if forks:
        console().print(f"forked from it, with copies of its messages: {', '.join(forks)}", style="yellow")


async def verify(run: Run, store: options.StoreOption = None, json: options.Json = False) -> int:
    """Check that a run's messages and result are those that were recorded.

    Names each message that was changed, is missing or has another place. Exit code 1 if anything is wrong, or if the
    run was recorded by a version that kept no chain.
    """
    from dataclasses import asdict

    from agentnet.cli.output import console, emit
    from agentnet.store.storage import open_storage

    async with open_storage(options.settings_from(store=store), existing=True) as storage:
        record = await storage.runs.find(run)
        audit = await storage.runs.verify(record.id)
    if json:
        emit({**asdict(audit), "intact": audit.intact})
    elif not audit.chained:
        console().print(f"run {audit.run}: not chained: recorded by an earlier version", style="yellow")
    elif audit.intact:
        console().print(f"run {audit.run}: {audit.messages} messages, as they were recorded", style="green")
    for finding in () if json else audit.findings:
        console().print(printable(f"run {audit.run}: {finding.detail}"), style="red", soft_wrap=True)
    return EXIT_HELD if audit.intact else EXIT_NOT_HELD
