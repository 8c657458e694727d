"""``agentnet verify`` and ``agentnet forget``."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Cli


@pytest.fixture
def run(cli: Cli, team: Path) -> str:
    return str(cli("ask", "What is 2 + 3?", "-p", "debate", "--json").json["run"])


def change(statement: str) -> None:
    with closing(sqlite3.connect(Path("home") / "agentnet.db")) as connection, connection:
        connection.execute(statement)


def test_a_run_that_is_intact(cli: Cli, run: str) -> None:
    shown = cli("verify", run[:6])
    assert (shown.code, "as they were recorded" in shown.out) == (0, True)
    data = cli("verify", run, "--json")
    assert (data.code, data.json["intact"], data.json["findings"]) == (0, True, [])


def test_a_changed_message_is_named(cli: Cli, run: str) -> None:
    change("UPDATE messages SET wire = replace(wire, '5', '6') WHERE sequence = 1")
    shown = cli("verify", run)
    assert shown.code == 1
    assert "message 1 (" in shown.out
    assert "was changed" in shown.out
    found = cli("verify", run, "--json")
    assert (found.code, found.json["intact"]) == (1, False)
    assert [finding["sequence"] for finding in found.json["findings"]] == [1]


def test_a_run_without_a_chain_is_not_verified(cli: Cli, run: str) -> None:
    change("UPDATE messages SET chain = NULL")
    change("DELETE FROM chains")
    shown = cli("verify", run)
    assert (shown.code, "not chained: recorded by an earlier version" in shown.out) == (1, True)
    assert cli("show", run).code == 0


def test_a_run_is_forgotten(cli: Cli, run: str) -> None:
    other = cli("ask", "What is 4 + 3?", "--json").json["run"]
    shown = cli("forget", run[:6])
    assert (shown.code, f"forgot run {run}" in shown.out) == (0, True)
    assert cli("show", run).code == 2
    assert [record["id"] for record in cli("runs", "--json").json] == [other]
    assert cli("forget", other, "--json").json["messages"] == 2


@pytest.mark.parametrize("name", ["verify", "forget"])
def test_no_such_run(cli: Cli, run: str, name: str) -> None:
    ran = cli(name, "nothing")
    assert ran.code == 2
    assert "no run starts with 'nothing'" in ran.err


@pytest.mark.parametrize(
    "command",
    [
        ("verify", "x"),
        ("forget", "x"),
        ("show", "x"),
        ("resume", "x"),
        ("report", "x"),
        ("compare", "x", "y"),
        ("runs",),
    ],
    ids=lambda command: command[0],
)
def test_a_store_that_is_misspelt_is_refused_and_not_made(cli: Cli, run: str, command: tuple[str, ...]) -> None:
    shown = cli(*command, "--store", "elsewhere/mistyped.db")
    assert (shown.code, "there is no store" in shown.err, "mistyped.db" in shown.err) == (2, True, True)
    assert len(shown.err.strip().splitlines()) == 1
    assert not Path("elsewhere").exists()
