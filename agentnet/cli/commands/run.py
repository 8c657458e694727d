"""``agentnet run``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from agentnet.cli import options
from agentnet.cli.entry import EXIT_HELD, EXIT_NOT_HELD

if TYPE_CHECKING:
    from rich.text import Text

    from agentnet.scenarios import ScenarioReport


async def run(
    scenario: Annotated[
        str | None, typer.Argument(help="A shipped scenario's name, or a YAML file. Default: list them.")
    ] = None,
    protocol: options.Protocol = None,
    network: options.NetworkOption = None,
    seed: options.Seed = None,
    store: options.StoreOption = None,
    verbose: options.Verbose = False,
    json: options.Json = False,
    json_lines: options.JsonLines = False,
) -> int:
    """Run a scenario and check its expectations. Exit code 1 if one does not hold."""
    from agentnet.cli.live import view_for
    from agentnet.cli.output import console, emit
    from agentnet.cli.person import answers_from
    from agentnet.cli.watching import watched
    from agentnet.scenarios import find_scenario, run_scenario
    from agentnet.session import open_session

    if scenario is None:
        _list(json)
        return EXIT_HELD
    settings = options.settings_from(network=network, store=store)
    loaded = find_scenario(scenario, network=network, protocol=protocol)
    if not (json or json_lines):
        from rich.text import Text

        console().print(Text(loaded.spec.name, "bold") + Text(f"  {loaded.spec.summary}"))
        if loaded.spec.story:
            console().print(Text(loaded.spec.story.strip(), "dim"))
    async with open_session((loaded.network, loaded.network_base), settings=settings) as session:
        with view_for(json=json, json_lines=json_lines, verbose=verbose) as view:
            report = await watched(
                run_scenario(
                    loaded,
                    session,
                    seed=seed,
                    on_event=view,
                    stream_text=not json,
                    answering=answers_from(view),
                ),
                view,
            )
    data = {"kind": "scenario-report", "held": report.held, **report.model_dump(mode="json")}
    if json_lines:
        emit(data, indent=None)
    elif json:
        emit(data)
    else:
        _show(report)
    return EXIT_HELD if report.held else EXIT_NOT_HELD


def _list(json: bool) -> None:
    from agentnet.cli.output import emit, show_table, table
    from agentnet.scenarios import shipped_scenarios

    shipped = shipped_scenarios()
    if json:
        emit([{"name": name, "summary": spec.summary, "tasks": len(spec.tasks)} for name, spec in shipped.items()])
        return
    rows = table("scenario", "tasks", "summary", right=("tasks",), wrap=("summary",))
    for name, spec in shipped.items():
        rows.add_row(name, str(len(spec.tasks)), spec.summary)
    show_table(rows)


def _show(report: ScenarioReport) -> None:
    from rich.text import Text

    from agentnet.cli.entry import printable
    from agentnet.cli.output import console, show_table, table

    rows = table("", "task", "expected", "answer", "calls", right=("calls",), wrap=("task", "answer"))
    for task in report.tasks:
        answer = task.answer if task.answer is not None else f"{task.status}: {task.detail}"
        rows.add_row(_mark(task.right), printable(task.text), task.expected, printable(answer), str(task.usage.calls))
    show_table(rows)
    for check in report.checks:
        console().print(_mark(check.held) + Text(f" {check.name}: {check.found}") + Text(f"  ({check.wanted})", "dim"))


def _mark(held: bool) -> Text:
    from rich.text import Text

    return Text("✓", "green") if held else Text("✗", "red")
