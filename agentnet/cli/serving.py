"""What the commands that go on for long say meanwhile: a line for each thing that happens."""

from __future__ import annotations

import typer

from agentnet.cli.entry import printable
from agentnet.contracts.nodes import NodeEvent


def say(text: str) -> None:
    """Print one line to stderr: stdout is for what programs read."""
    typer.echo(printable(text), err=True)


class Narrator:
    """Tells what happens to the nodes of a network."""

    def event(self, event: NodeEvent) -> None:
        """Print one line for a change."""
        who = f"member {event.member} of {event.node}" if event.member else f"node {event.node}"
        say(f"{who}: {event.before} → {event.after} ({event.why})")
