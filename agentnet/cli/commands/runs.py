"""``agentnet runs`` and ``agentnet show``: stored runs."""

from __future__ import annotations

from textwrap import shorten
from typing import Annotated

import typer

from agentnet.cli import options

SHOWN = 160
"""Most characters of a task or an answer in the list; `agentnet show` prints them in full."""


async def runs(
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000_000, help="Number of runs to list.")] = 20,
    store: options.StoreOption = None,
    json: options.Json = False,
) -> None:
    """List the stored runs, newest first."""
    from agentnet.cli.entry import printable
    from agentnet.cli.output import console, emit, show_table, table
    from agentnet.cli.records import record_data, status_text
    from agentnet.store.storage import open_storage

    settings = options.settings_from(store=store)
    async with open_storage(settings, existing=settings.store.origin != "default") as storage:
        latest = await storage.runs.latest(limit)
    if json:
        emit([record_data(record) for record in latest])
        return
    if not latest:
        console().print("No runs yet. Try: agentnet demo", style="dim")
        return
    rows = table("run", "when", "protocol", "status", "task", "answer", wrap=("task", "answer"))
    for record in latest:
        when = record.created.astimezone().strftime("%Y-%m-%d %H:%M")
        task, answer = (
            shorten(printable(text), SHOWN, placeholder=" …") for text in (record.task.text, record.answer or "")
        )
        rows.add_row(record.id, when, record.protocol_name, status_text(record.status), task, answer)
    show_table(rows)


async def show(
    run: Annotated[str, typer.Argument(help="The run's id, or a prefix of it.", show_default=False)],
    store: options.StoreOption = None,
    verbose: options.Verbose = False,
    json: options.Json = False,
) -> None:
    """Show a run: its messages, its decisions, its usage."""
    from agentnet.cli.output import emit
    from agentnet.cli.records import print_run, record_data
    from agentnet.store.storage import open_storage

    async with open_storage(options.settings_from(store=store), existing=True) as storage:
        record = await storage.runs.find(run)
        messages = await storage.runs.messages(record.id)
    if json:
        written = [message.model_dump(mode="json") for message in messages]
        emit({**record_data(record), "protocol_expression": record.protocol, "messages": written})
        return
    print_run(record, messages, verbose=verbose)
