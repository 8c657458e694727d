"""Runs as data and as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.text import Text

from agentnet.cli.entry import printable
from agentnet.cli.messages_view import line, style_of
from agentnet.cli.output import console, show_table, table
from agentnet.contracts.events import RunStatus
from agentnet.contracts.messages import Message
from agentnet.contracts.runs import OVER, RunRecord
from agentnet.contracts.speakers import speakers
from agentnet.contracts.usage import Usage
from agentnet.coordinator import Outcome

STATUS_STYLES: Mapping[RunStatus, str] = {
    "running": "cyan",
    "done": "green",
    "failed": "red",
    "stopped": "yellow",
    "cancelled": "yellow",
    "interrupted": "magenta",
}


def outcome_data(outcome: Outcome) -> dict[str, Any]:
    """Return the outcome of a run as plain data."""
    return {
        "run": outcome.run,
        "status": outcome.status,
        "answer": outcome.answer,
        "approved": outcome.approved,
        "detail": outcome.detail,
        "took_part": speakers(outcome.messages, failed=False),
        "usage": outcome.usage.model_dump(mode="json"),
        "messages": [message.model_dump(mode="json") for message in outcome.messages],
    }


def record_data(record: RunRecord) -> dict[str, Any]:
    """Return the record of a run as plain data, without its network and protocol in full."""
    return record.model_dump(mode="json", exclude={"network", "protocol"}) | {"network": record.network.name}


def status_text(status: RunStatus) -> Text:
    """Return a status in its colour."""
    return Text(status, STATUS_STYLES[status])


def print_run(record: RunRecord, messages: Sequence[Message], *, verbose: bool) -> None:
    """Print a run from its task to its end, with its usage."""
    screen = console()
    head = Text(record.id, "bold") + Text("  ") + status_text(record.status)
    head += Text(f"  {record.protocol_name} on {record.network.name}, seed {record.seed}", "dim")
    screen.print(head)
    if (forked := record.forked_from) is not None:
        screen.print(Text(f"forked from {forked.run}: messages 1 to {forked.copied} are that run's", "dim"))
    label = f"  [{record.task.label}]" if record.task.label else ""
    screen.print(Text(printable(record.task.text)) + Text(label, "dim"))
    members = [agent.name for agent in record.network.agents]
    by_id = {message.id: message for message in messages}
    for message in messages:
        if message.body.kind != "task":
            screen.print(line(message, by_id, members, verbose=verbose, numbered=True))
    if record.answer is not None:
        screen.print(Text("= ", "green") + Text(printable(record.answer), "bold green"))
    if record.detail:
        screen.print(Text(printable(record.detail), "yellow"))
    if record.status not in OVER:
        screen.print(Text(f"resume with: agentnet resume {record.id}", "dim"))
    print_usage(messages, members)


def usage_by_agent(messages: Iterable[Message]) -> dict[str, Usage]:
    """Return the usage of each sender, in the order of their first messages."""
    used: dict[str, Usage] = {}
    for message in messages:
        if message.usage.calls:
            used[message.sender] = used.get(message.sender, Usage()) + message.usage
    return used


def print_usage(messages: Iterable[Message], members: Sequence[str]) -> None:
    """Print a table of each sender's usage; `members` are the names of the network's agents."""
    used = usage_by_agent(messages)
    if not used:
        return
    numbers = ("calls", "prompt", "written", "seconds")
    rows = table("agent", *numbers, right=numbers)
    total = sum(used.values(), Usage())
    for name, usage in [*used.items(), ("all", total)]:
        counts = (usage.calls, usage.prompt_tokens, usage.completion_tokens)
        rows.add_row(Text(name, style_of(name, members)), *map(str, counts), f"{usage.seconds:.2f}")
    show_table(rows)
