"""A message as a line in the terminal: speaker, kind, content, usage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from agentnet.cli.entry import printable
from agentnet.contracts.messages import Message
from agentnet.contracts.usage import Usage
from agentnet.rendering.colours import colour_of
from agentnet.rendering.describe import Mark, Part, describe

STYLES: Mapping[Mark, str] = {
    "plain": "",
    "answer": "bold",
    "detail": "dim",
    "good": "green",
    "bad": "red",
    "warning": "yellow",
    "contested": "underline",
}
NUMBER_WIDTH, NAME_WIDTH, KIND_WIDTH, COST_WIDTH = 3, 11, 10, 16


def line(
    message: Message,
    messages: Mapping[str, Message],
    members: Sequence[str] = (),
    *,
    verbose: bool = False,
    numbered: bool = False,
) -> RenderableType:
    """Return one message as a line, `numbered` with its number in the run.

    `messages` holds the messages that it may refer to, by id; `members` are the names of the network's agents.
    """
    described = describe(message, messages, verbose=verbose)
    name = Text(described.speaker, style_of(described.speaker, members))
    body = Text.assemble(*(_part(part, members) for part in described.parts))
    number = message.sequence if numbered else None
    return row(name, described.kind, body, cost(message.usage), described.depth, number=number)


def row(name: Text, kind: str, body: Text, right: str = "", depth: int = 0, *, number: int | None = None) -> Table:
    """Return one line of a run, in its columns."""
    grid = Table.grid(padding=(0, 1), expand=True)
    if number is not None:
        grid.add_column(width=NUMBER_WIDTH, justify="right", no_wrap=True)
    grid.add_column(width=NAME_WIDTH + 2 * depth, no_wrap=True)
    grid.add_column(width=KIND_WIDTH, no_wrap=True)
    grid.add_column(ratio=1, overflow="fold")
    cells = [Text("  " * depth) + name, Text(kind, "dim"), body]
    if number is not None:
        cells.insert(0, Text(str(number), "dim"))
    if right:
        grid.add_column(width=COST_WIDTH, justify="right", no_wrap=True)
        cells.append(Text(right, "dim"))
    grid.add_row(*cells)
    return grid


def style_of(name: str, members: Sequence[str] = ()) -> str:
    """Return the style of an agent's name: its colour in the network of these members."""
    colour = colour_of(name, members)
    return colour.name if colour else "dim"


def cost(usage: Usage) -> str:
    """Return tokens and seconds as text; empty if no model was asked."""
    return f"{usage.tokens} tok  {usage.seconds:.2f} s" if usage.calls else ""


def _part(part: Part, members: Sequence[str]) -> Text:
    colour = style_of(part.agent, members) if part.agent else ""
    return Text(printable(part.text), f"{colour} {STYLES[part.mark]}".strip())
