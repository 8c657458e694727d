"""What the command line says of itself, and how fast."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.cli.conftest import ROOT, Cli

COMMANDS = [
    *("demo", "ask", "run", "resume", "fork", "models", "protocols", "graph", "runs", "show"),
    *("eval", "report", "compare", "doctor", "serve", "join", "nodes", "leave"),
]
HEAVY = ("langgraph", "llama_cpp", "openai", "sqlmodel", "rich", "pydantic", "yaml", "numpy", "asyncio", "logging")


def test_help_names_every_command(cli: Cli) -> None:
    shown = cli("--help")
    assert shown.code == 0
    assert all(f"\n  {name} " in shown.out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_json(cli: Cli, name: str) -> None:
    shown = cli(name, "--help")
    assert shown.code == 0
    assert "--json" in shown.out


def test_help_loads_nothing_heavy() -> None:
    code = f"import sys, agentnet.cli.app; print([name for name in {HEAVY} if name in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("AGENTNET_STUB", None)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_module_and_command_are_the_same(program: Cli) -> None:
    shown = program("--help")
    assert shown.code == 0
    assert shown.out.startswith("Usage: agentnet ")


def test_the_version(cli: Cli) -> None:
    shown = cli("--version")
    assert shown.code == 0
    assert shown.out.startswith("agentnet ")


def test_unknown_option_is_bad_input(program: Cli) -> None:
    ran = program("ask", "hello", "--colour")
    assert ran.code == 2
    assert "--colour" in ran.err
