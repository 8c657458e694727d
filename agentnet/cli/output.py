"""Output of commands: a console for people, one JSON document (or JSON lines) for programs."""

from __future__ import annotations

import json
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.console import Console
    from rich.table import Column, Table

PLAIN_WIDTH = 110
"""Width, in characters, if stdout is not a terminal."""
LEAST_WORD, MOST_WORD = 10, 20
"""Fewest and most characters of a word that a wrapped cell keeps on one line."""
GAP = 3
"""Characters between two cells."""


@cache
def console() -> Console:
    """Return the console on stdout. Colours and width follow the terminal; a pipe gets plain text."""
    from rich.console import Console

    screen = Console(highlight=False, emoji=False, markup=False)
    return screen if screen.is_terminal else Console(highlight=False, emoji=False, markup=False, width=PLAIN_WIDTH)


def emit(value: Any, *, indent: int | None = 2) -> None:
    """Print one JSON document to stdout; on one line if `indent` is None."""
    typer.echo(json.dumps(value, ensure_ascii=not _is_unicode(), indent=indent))


def emit_line(value: BaseModel) -> None:
    """Print one JSON value as one line to stdout."""
    if _is_unicode():
        typer.echo(value.model_dump_json())
    else:
        emit(json.loads(value.model_dump_json()), indent=None)


def _is_unicode() -> bool:
    """Whether stdout can encode every character."""
    return (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("_", "-").startswith("utf")


def table(*columns: str, right: tuple[str, ...] = (), wrap: tuple[str, ...] = ()) -> Table:
    """Return an empty table for `show_table`.

    Columns in `right` are right-aligned; only columns in `wrap` wrap where space is short.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    rows = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
    for name in columns:
        rows.add_column(name, justify="right" if name in right else "left", no_wrap=name not in wrap, overflow="fold")
    return rows


def show_table(rows: Table, *, spare: tuple[str, ...] = ()) -> None:
    """Print a table in which no number is cut: a column is shown completely or not at all.

    Where space is short, columns in `spare` are left out, in the given order, and named below the table. If the table
    still does not fit, its lines get longer than the terminal.
    """
    screen = console()
    left_out: list[str] = []
    for name in spare:
        if _least(rows) > screen.width:
            rows = _without(rows, name)
            left_out.append(name)
    least = _least(rows)
    room = max(0, screen.width - least)
    wishes = [_widest(column) - _narrowest(column) for column in rows.columns]
    if least + sum(wishes) > screen.width:
        for column, wish in zip(rows.columns, wishes, strict=True):
            column.width = _narrowest(column) + (room * wish // sum(wishes) if wish else 0)
        rows.width = max(screen.width, least)
    screen.print(rows, crop=False)
    if left_out:
        screen.print(f"no room for {', '.join(left_out)}: widen the terminal, or use --json", style="dim")


def _without(rows: Table, name: str) -> Table:
    kept = [column for column in rows.columns if column.header != name]
    narrower = table(
        *(str(column.header) for column in kept),
        right=tuple(str(column.header) for column in kept if column.justify == "right"),
        wrap=tuple(str(column.header) for column in kept if not column.no_wrap),
    )
    for cells in zip(*(column.cells for column in kept), strict=True):
        narrower.add_row(*cells)
    return narrower


def _least(rows: Table) -> int:
    """The width that a table needs at least, in characters."""
    return sum(map(_narrowest, rows.columns)) + GAP * (len(rows.columns) - 1)


def _narrowest(column: Column) -> int:
    """The width that a wrapped column keeps: its longest word, within bounds."""
    widest = _widest(column)
    if column.no_wrap:
        return widest
    longest = max((len(word) for text in _texts(column) for word in text.split()), default=0)
    return min(widest, max(LEAST_WORD, min(longest, MOST_WORD)))


def _widest(column: Column) -> int:
    from rich.cells import cell_len

    return max(cell_len(line) for text in _texts(column) for line in text.split("\n"))


def _texts(column: Column) -> list[str]:
    return [str(cell) for cell in (column.header, *column.cells)]
