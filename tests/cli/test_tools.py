"""``agentnet tools``, and a member with the shipped calculator, from the network file to the answer."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agentnet.cli.app import app

FILE = """
name: tooled
tools:
  calc: {{shipped: calculator, start: 300}}
  own: {{command: [{command}]}}
agents:
  - name: ann
    model: "zoo:math"
    tools: {{allow: [calc/calculate], use: always, numbers: task, answer: result, seconds: 120}}
  - {{name: bob, model: "zoo:math", tools: [own/x]}}
"""
CALC = "calc: {shipped: calculator, start: 300}"
QUESTION = "There are 7504 boxes with 429 apples each. How many apples are there?"


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AGENTNET_HOME", str(tmp_path / "home"))
    path = tmp_path / "team.yaml"
    path.write_text(FILE.format(command=", ".join(("touch", shlex.quote(str(tmp_path / "started"))))))
    return path


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output


def test_a_command_waits_for_its_owners_word(team: Path) -> None:
    code, output = run("tools", "--network", str(team), "--json")
    calc, own = json.loads(output)["servers"]
    assert code == 1
    assert [tool["name"] for tool in calc["tools"]] == ["calc/calculate"]
    assert calc["tools"][0]["members"] == ["ann"]
    assert calc["problem"] is None
    assert "was not allowed on this machine" in own["problem"]
    assert not (team.parent / "started").exists()

    code, output = run("tools", "--network", str(team), "--allow")
    assert code == 1, "it is started, and no MCP server"
    assert "allowed  own: touch " in output
    assert "calc/calculate" in output
    assert (team.parent / "started").exists()
    assert "allowed  own" not in run("tools", "--network", str(team), "--allow")[1]


def test_a_network_without_tools_says_so() -> None:
    code, output = run("tools")
    assert (code, output) == (0, "Network zoo has no servers of tools; docs/serve.md says how to name them.\n")


def test_the_calculator_answers_where_the_member_alone_cannot(team: Path) -> None:
    code, output = run("ask", QUESTION, "--network", str(team), "--protocol", "ann", "--json")
    answered = json.loads(output)
    assert (code, answered["answer"]) == (0, str(7504 * 429))
    _, call, reply = answered["messages"]
    assert call["body"]["arguments"] == {"left": 7504, "operation": "*", "right": 429}
    assert call["body"]["turn"] == reply["id"]
    assert answered["usage"]["calls"] == 2

    code, output = run("verify", answered["run"])
    assert code == 0, output
    code, output = run("show", answered["run"])
    assert "calc/calculate" in output


def test_preflight_names_what_is_missing(team: Path) -> None:
    code, output = run("ask", QUESTION, "--network", str(team), "--protocol", "bob")
    assert code == 2
    assert "bob may use tools, and own: the command `touch " in output


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ("own/x", "other/x", "bob uses a tool of 'other', which is no server under `tools` (there: calc, own)"),
        ("own/x", "x", "'x' names no tool of a server: write SERVER/TOOL"),
        (CALC, "calc: abacus", "calc"),
        (CALC, "calc: {}", "a server of tools is one of shipped, command and url"),
        (
            CALC,
            "calc: {url: 'http://h/mcp', env: [AGENTNET_KEY_X]}",
            "`env` is for a program",
        ),
        (CALC, "calc: {command: [x], env: [AWS_SECRET]}", "AGENTNET_KEY_"),
        ('name: bob, model: "zoo:math"', "name: bob, human: terminal", "a person uses no tools"),
    ],
)
def test_a_mistake_in_the_file_is_one_line(team: Path, before: str, after: str, why: str) -> None:
    text = team.read_text()
    assert before in text
    team.write_text(text.replace(before, after))
    code, output = run("tools", "--network", str(team))
    assert code == 2
    assert why in output
    assert output.count("\n") == 1
