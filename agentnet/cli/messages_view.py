"""A message as a line for people: who, what kind, what it says, what it took."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import cycle

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from agentnet.cli.entry import printable
from agentnet.contracts.bodies import (
    Assignment,
    Critique,
    Error,
    Fusion,
    Plan,
    Refusal,
    Result,
    Task,
    Verdict,
    Vote,
    answer_of,
)
from agentnet.contracts.messages import Message
from agentnet.contracts.usage import Usage

COLOURS = cycle(("cyan", "green", "magenta", "yellow", "blue", "bright_cyan", "bright_green", "bright_magenta"))
OWN = ("coordinator", "user")
DOUBTS = 12
"""Pieces of a fused text, not backed by all, that are listed."""
NAME_WIDTH, KIND_WIDTH, COST_WIDTH = 11, 10, 16


def line(message: Message, said: Mapping[str, Message], *, verbose: bool = False) -> RenderableType:
    """One message. `said` holds the messages that it may refer to, by id."""
    kind = message.body.kind + (f" {message.round + 1}" if message.round else "")
    return row(
        message.sender, kind, content(message, said, verbose=verbose), cost(message.usage), depth_of(message.node)
    )


def row(name: str, kind: str, body: Text, right: str = "", depth: int = 0) -> Table:
    """The columns that every line of a run has."""
    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column(width=NAME_WIDTH + 2 * depth, no_wrap=True)
    grid.add_column(width=KIND_WIDTH, no_wrap=True)
    grid.add_column(ratio=1, overflow="fold")
    cells = [Text("  " * depth) + Text(name, style_of(name)), Text(kind, "dim"), body]
    if right:
        grid.add_column(width=COST_WIDTH, justify="right", no_wrap=True)
        cells.append(Text(right, "dim"))
    grid.add_row(*cells)
    return grid


@cache
def style_of(name: str) -> str:
    """A colour for each agent, in the order in which they come up."""
    return "dim" if name in OWN else next(COLOURS)


def depth_of(node: str) -> int:
    """How deep an expression lies in others: the dots in the path are the rounds of nested ones."""
    return sum("." in part for part in node.split("/")[1:-1])


def cost(usage: Usage) -> str:
    """Tokens written and read, and seconds; nothing where no model was asked."""
    return f"{usage.tokens} tok  {usage.seconds:.2f} s" if usage.calls else ""


def content(message: Message, said: Mapping[str, Message], *, verbose: bool = False) -> Text:
    """What a message says."""
    body = message.body
    match body:
        case Task():
            return _text(body.text)
        case Plan():
            steps = (f"{step.id}  {step.label}: {step.ask}" for step in body.steps)
            return _text("\n".join(steps))
        case Assignment():
            return Text("→ ", "dim") + Text(body.agent, style_of(body.agent)) + _text(f"  {body.text}")
        case Verdict():
            found = f"  found {body.answer}" if body.answer else ""
            mark = ("✓ approve", "green") if body.verdict == "approve" else ("✗ disapprove", "red")
            return Text(*mark) + _text(
                _sure(message) + found + (f"\n{body.reason}" if verbose and body.reason else ""), "dim"
            )
        case Vote():
            chosen = said.get(body.choice)
            words = (answer_of(chosen.body) if chosen else None) or body.choice
            return (
                Text("→ ", "dim")
                + _text(words)
                + _text((f"  of {chosen.sender}" if chosen else "") + _sure(message), "dim")
            )
        case Result():
            return _text(body.answer, "bold") + _text(f"  {body.decision}{_support(body)}", "dim")
        case Critique():
            return _text(body.text)
        case Fusion():
            without = f"  without {', '.join(body.dropped)}" if body.dropped else ""
            return _together(body) if verbose else _text(body.answer, "bold") + _text(without, "yellow")
        case Refusal():
            return Text("declines: ", "yellow") + _text(body.reason)
        case Error():
            return Text("✗ ", "red") + _text(body.detail, "red")
        case _:
            answer = answer_of(body)
            whole = getattr(body, "text", "")
            if answer is None:
                return _text(body.kind, "dim")
            return _text(whole) if verbose and whole != answer else _text(answer, "bold")


def _together(fusion: Fusion) -> Text:
    """A text in the colours of those who backed each piece most; below it who they are, and where they disagreed."""
    text = Text()
    doubts = []
    for piece in fusion.pieces:
        leader = max(piece.shares, key=lambda name: piece.shares[name]) if piece.shares else ""
        agreed = len(piece.shares) == len(fusion.members)
        text += _text(piece.text, style_of(leader) + ("" if agreed else " underline"))
        if not agreed and piece.runner_up is not None:
            backers = ", ".join(sorted(piece.shares))
            doubts.append(f"{_shown(piece.text)} of {backers}, not {_shown(piece.runner_up)}")
    legend = Text("\n")
    for name in fusion.members:
        legend += Text(name, style_of(name)) + Text("  ")
    text += legend + Text(f"by {fusion.strategy}; underlined: not backed by all", "dim")
    for name, why in fusion.dropped.items():
        text += _text(f"\n{name} did not last: {why}", "yellow")
    return text + _text("".join(f"\n{doubt}" for doubt in doubts[:DOUBTS]), "dim")


def _shown(text: str) -> str:
    """A piece, so that spaces and the end are seen."""
    return repr(text) if text else "the end"


def _sure(message: Message) -> str:
    """The probability of a choice, where it was scored."""
    return "" if message.confidence is None else f"  {message.confidence * 100:.0f} %"


def _support(result: Result) -> str:
    if len(result.support) < 2:
        return ""
    ranked = sorted(result.support.items(), key=lambda entry: -entry[1])
    return ": " + ", ".join(f"{answer} × {weight:.3g}" for answer, weight in ranked)


def _text(text: str, style: str = "") -> Text:
    return Text(printable(text), style)
