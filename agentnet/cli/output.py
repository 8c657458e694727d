"""Where commands write: one console for people, one JSON document (or JSON lines) for programs."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.console import Console
    from rich.table import Table

PLAIN_WIDTH = 110
"""Columns where stdout is not a terminal."""


@cache
def console() -> Console:
    """The console on stdout. Colours and width follow the terminal; a pipe gets plain text."""
    from rich.console import Console

    found = Console(highlight=False, emoji=False, markup=False)
    return found if found.is_terminal else Console(highlight=False, emoji=False, markup=False, width=PLAIN_WIDTH)


def emit(value: Any, *, indent: int | None = 2) -> None:
    """One JSON document on stdout; on one line where `indent` is None."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=indent))


def emit_line(value: BaseModel) -> None:
    """One JSON value on one line of stdout."""
    typer.echo(value.model_dump_json())


def table(*columns: str, right: tuple[str, ...] = (), wrap: tuple[str, ...] = ()) -> Table:
    """A plain table. Columns in `right` are aligned there; only those in `wrap` give way where the room is short."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    found = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
    for name in columns:
        found.add_column(name, justify="right" if name in right else "left", no_wrap=name not in wrap, overflow="fold")
    return found
