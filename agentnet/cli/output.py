"""Where commands write: one console for people, one JSON document (or JSON lines) for programs."""

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
"""Columns where stdout is not a terminal."""
LEAST_WORD, MOST_WORD = 10, 20
"""Columns that a word keeps in a cell that gives way."""
GAP = 3
"""Columns between two cells."""


@cache
def console() -> Console:
    """The console on stdout. Colours and width follow the terminal; a pipe gets plain text."""
    from rich.console import Console

    found = Console(highlight=False, emoji=False, markup=False)
    return found if found.is_terminal else Console(highlight=False, emoji=False, markup=False, width=PLAIN_WIDTH)


def emit(value: Any, *, indent: int | None = 2) -> None:
    """One JSON document on stdout; on one line where `indent` is None."""
    typer.echo(json.dumps(value, ensure_ascii=not _takes_everything(), indent=indent))


def emit_line(value: BaseModel) -> None:
    """One JSON value on one line of stdout."""
    if _takes_everything():
        typer.echo(value.model_dump_json())
    else:
        emit(json.loads(value.model_dump_json()), indent=None)


def _takes_everything() -> bool:
    """Whether every character can be written to stdout as it is."""
    return (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("_", "-").startswith("utf")


def table(*columns: str, right: tuple[str, ...] = (), wrap: tuple[str, ...] = ()) -> Table:
    """A plain table, for `show_table`. Columns in `right` are aligned there; only those in `wrap` give way where the
    room is short."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    found = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
    for name in columns:
        found.add_column(name, justify="right" if name in right else "left", no_wrap=name not in wrap, overflow="fold")
    return found


def show_table(rows: Table, *, spare: tuple[str, ...] = ()) -> None:
    """Print a table so that no figure is cut: a column is there as a whole, or not at all.

    Where the room is short, columns in `spare` are left out, the first ones first, and named below the table. What
    still does not fit makes longer lines.
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
        screen.print(f"no room for {', '.join(left_out)}: widen the terminal, or see --json", style="dim")


def _without(rows: Table, name: str) -> Table:
    kept = [column for column in rows.columns if column.header != name]
    found = table(
        *(str(column.header) for column in kept),
        right=tuple(str(column.header) for column in kept if column.justify == "right"),
        wrap=tuple(str(column.header) for column in kept if not column.no_wrap),
    )
    for cells in zip(*(column.cells for column in kept), strict=True):
        found.add_row(*cells)
    return found


def _least(rows: Table) -> int:
    """The columns of the terminal that a table needs."""
    return sum(map(_narrowest, rows.columns)) + GAP * (len(rows.columns) - 1)


def _narrowest(column: Column) -> int:
    """What a cell keeps that gives way: its longest word, within reason."""
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
