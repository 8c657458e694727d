"""Tables in the terminal: a figure is there as a whole, or not at all."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from agentnet.cli import output
from agentnet.cli.output import show_table, table
from tests.cli.conftest import Cli


def shown(monkeypatch: pytest.MonkeyPatch, width: int, **how: tuple[str, ...]) -> list[str]:
    """A table of three systems as a terminal of some width shows it."""
    out = io.StringIO()
    monkeypatch.setattr(output, "console", lambda: Console(file=out, width=width))
    rows = table("system", "right", "calls", "s", right=("right", "calls", "s"), wrap=("system",))
    for name in ("best, in advance (atlas)", "self-consistency ×8", "vote"):
        rows.add_row(name, "100.0 %", "8.00", "0.123")
    show_table(rows, **how)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_what_fits_stands_on_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(monkeypatch, 80)
    assert lines[0].split() == ["system", "right", "calls", "s"]
    assert lines[2].startswith("best, in advance (atlas)   100.0 %    8.00   0.123")
    assert len(lines) == 5


def test_columns_to_spare_go_first_and_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(monkeypatch, 32, spare=("s", "calls"))
    assert lines[0].split() == ["system", "right"]
    assert "self-consistency" in lines[4]
    assert lines[4].endswith("100.0 %")
    assert lines[-2:] == ["no room for s, calls: widen the", "terminal, or use --json"]
    assert all(len(line) <= 32 for line in lines)


@pytest.mark.parametrize("width", [1, 10, 25])
def test_no_figure_is_cut(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    lines = shown(monkeypatch, width)
    assert sum("100.0 %" in line and "8.00" in line and "0.123" in line for line in lines) == 3


def test_a_long_question_does_not_flood_the_list_of_runs(cli: Cli, team: Path) -> None:
    cli("ask", "What is 2 + 3? " + "And why? " * 400)
    listed = cli("runs")
    assert len(listed.out.splitlines()) < 20
    assert "What is 2 + 3?" in listed.out
    assert len(json.loads(cli("runs", "--json").out)[0]["task"]["text"]) > 3000
