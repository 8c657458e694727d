"""Runs as data and as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.text import Text

from agentnet.cli.entry import printable
from agentnet.cli.messages_view import line, style_of
from agentnet.cli.output import console, show_table, table
from agentnet.contracts.events import RunStatus
from agentnet.contracts.messages import Message
from agentnet.contracts.runs import RunRecord
from agentnet.contracts.usage import Usage
from agentnet.coordinator import Outcome
from agentnet.scenarios.running import took_part

STATUS_STYLES: dict[RunStatus, str] = {"done": "green", "failed": "red", "stopped": "yellow", "running": "cyan"}


def outcome_data(outcome: Outcome) -> dict[str, Any]:
    """The outcome of a run as plain data."""
    return {
        "run": outcome.run,
        "status": outcome.status,
        "answer": outcome.answer,
        "detail": outcome.detail,
        "took_part": took_part(outcome.messages),
        "usage": outcome.usage.model_dump(mode="json"),
        "messages": [message.model_dump(mode="json") for message in outcome.messages],
    }


def record_data(record: RunRecord) -> dict[str, Any]:
    """What the store knows of a run, without its network and protocol in full."""
    return record.model_dump(mode="json", exclude={"network", "protocol"}) | {"network": record.network.name}


def status_text(status: RunStatus) -> Text:
    """The status in its colour. A run that a crash or Ctrl-C ended still says `running`: it can be resumed."""
    return Text(status, STATUS_STYLES[status])


def print_run(record: RunRecord, messages: Sequence[Message], *, verbose: bool) -> None:
    """The whole story of a run."""
    screen = console()
    head = Text(record.id, "bold") + Text("  ") + status_text(record.status)
    head += Text(f"  {record.protocol_name} on {record.network.name}, seed {record.seed}", "dim")
    screen.print(head)
    label = f"  [{record.task.label}]" if record.task.label else ""
    screen.print(Text(printable(record.task.text)) + Text(label, "dim"))
    said = {message.id: message for message in messages}
    for message in messages:
        if message.body.kind != "task":
            screen.print(line(message, said, verbose=verbose))
    if record.answer is not None:
        screen.print(Text("= ", "green") + Text(printable(record.answer), "bold green"))
    elif record.detail:
        screen.print(Text(printable(record.detail), "yellow"))
    if record.status in ("running", "stopped"):
        screen.print(Text(f"go on with: agentnet resume {record.id}", "dim"))
    print_usage(messages)


def usage_by_agent(messages: Iterable[Message]) -> dict[str, Usage]:
    """What each agent used, in the order of their first word."""
    used: dict[str, Usage] = {}
    for message in messages:
        if message.usage.calls:
            used[message.sender] = used.get(message.sender, Usage()) + message.usage
    return used


def print_usage(messages: Iterable[Message]) -> None:
    """A table of who used what."""
    used = usage_by_agent(messages)
    if not used:
        return
    numbers = ("calls", "prompt", "written", "seconds")
    rows = table("agent", *numbers, right=numbers)
    total = sum(used.values(), Usage())
    for name, usage in [*used.items(), ("all", total)]:
        counts = (usage.calls, usage.prompt_tokens, usage.completion_tokens)
        rows.add_row(Text(name, style_of(name) if name != "all" else "dim"), *map(str, counts), f"{usage.seconds:.2f}")
    show_table(rows)
