"""Asking, remembering, resuming."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli


def test_ask_shows_who_said_what_and_the_answer(cli: Cli, team: Path) -> None:
    ran = cli("ask", "What is 2 + 3?", "--protocol", "vote")
    assert ran.code == 0
    assert "ann" in ran.out
    assert "decided by 1 of 2" in ran.out
    assert "= 5" in ran.out


def test_ask_as_json_is_one_document(cli: Cli, team: Path) -> None:
    ran = cli("ask", "What is 2 + 3?", "-p", "vote", "--json")
    assert ran.code == 0
    assert ran.json["answer"] == "5"
    assert ran.json["took_part"] == ["ann"]
    assert ran.json["usage"]["calls"] == 1
    assert ran.err == ""


def test_ask_as_json_lines_is_one_event_a_line(cli: Cli, team: Path) -> None:
    ran = cli("ask", "What is 2 + 3?", "-p", "vote", "--json-lines")
    kinds = [json.loads(line)["kind"] for line in ran.out.splitlines()]
    assert kinds[0] == "run-started"
    assert kinds[-1] == "run-ended"
    assert "text" in kinds


def test_label_chooses_the_best_member(cli: Cli, team: Path) -> None:
    assert cli("ask", "What is 2 + 3?", "--label", "facts", "--json").json["took_part"] == ["bob"]
    assert cli("ask", "What is 2 + 3?", "--label", "math", "--json").json["took_part"] == ["ann"]


def test_an_expression_is_a_protocol(cli: Cli, team: Path) -> None:
    ran = cli("ask", "What is 2 + 3?", "-p", "{verify: {proposer: bob, verifier: cal}}", "--json")
    assert ran.json["took_part"] == ["bob", "cal"]


@pytest.mark.parametrize(
    ("protocol", "asked"), [("@solver", "ann"), ("@solver:2", "ann"), ("@best", "bob"), ("bob", "bob")]
)
def test_an_agent_is_a_protocol(cli: Cli, team: Path, protocol: str, asked: str) -> None:
    ran = cli("ask", "What is 2 + 3?", "-p", protocol, "--label", "facts", "--json")
    assert (ran.json["answer"], ran.json["took_part"]) == ("5", [asked])


def test_an_agent_as_protocol_can_be_resumed_and_drawn(cli: Cli, team: Path) -> None:
    cli("ask", "What is 2 + 3?", "-p", "bob", "--limit-tokens", 1)
    run = cli("runs", "--json").json[0]["id"]
    assert cli("resume", run, "--limit-tokens", 900, "--json").json["took_part"] == ["bob"]
    assert "bob" in cli("graph", "bob").out


def test_a_shipped_name_and_a_file_go_before_an_agent(cli: Cli, team: Path, tmp_path: Path) -> None:
    team.write_text(team.read_text().replace("name: cal", "name: vote"))
    assert cli("ask", "What is 2 + 3?", "-p", "vote", "--json").json["took_part"] == ["ann"]
    (tmp_path / "bob").write_text("{name: mine, summary: x, protocol: ann}")
    assert cli("ask", "What is 2 + 3?", "-p", "bob", "--json").json["took_part"] == ["ann"]


@pytest.mark.parametrize(
    ("protocol", "words"),
    [
        ("bop", "no protocol 'bop', did you mean 'bob'? (known: auto, best,"),
        ("debat", "no protocol 'debat', did you mean 'debate'? (known: auto, best,"),
        ("cookbook", "or give a YAML file, an expression, or an agent: ann, bob, cal, pia)"),
        ("@solvr", "no agent of network 'team' has the role 'solvr', did you mean 'solver'?"),
    ],
)
def test_what_is_neither_a_protocol_nor_an_agent_is_refused_with_a_suggestion(
    cli: Cli, team: Path, protocol: str, words: str
) -> None:
    ran = cli("ask", "What is 2 + 3?", "-p", protocol)
    assert ran.code == 2
    assert words in ran.err
    assert ran.err.count("\n") == 1


def test_delegation_shows_plan_and_steps(cli: Cli, team: Path) -> None:
    ran = cli("ask", "Oxygen's number times four?", "-p", "delegation")
    assert ran.code == 0
    assert "→ ann  What is 8 * 4?" in ran.out
    assert "= 32" in ran.out


def test_no_answer_is_exit_code_1(cli: Cli, team: Path) -> None:
    ran = cli("ask", "Riddle: what is red?", "-p", "vote")
    assert ran.code == 1
    assert "declines" in ran.out


def test_an_empty_question_is_bad_input(cli: Cli, team: Path) -> None:
    assert cli("ask", "  ").code == 2


def test_runs_are_remembered_and_shown(cli: Cli, team: Path) -> None:
    run = cli("ask", "What is 2 + 3?", "-p", "vote", "--json").json["run"]
    listed = cli("runs", "--json").json
    assert [(each["id"], each["status"], each["answer"]) for each in listed] == [(run, "done", "5")]
    assert run in cli("runs").out
    shown = cli("show", run[:6], "--json").json
    assert [message["body"]["kind"] for message in shown["messages"]] == ["task", "proposal", "result"]
    text = cli("show", run).out
    assert "What is 2 + 3?" in text
    assert "majority" in text


def test_a_run_that_hit_its_limit_goes_on(cli: Cli, team: Path) -> None:
    stopped = cli("ask", "What is 2 + 3?", "-p", "verification", "--limit-calls", 1)
    assert stopped.code == 1
    run = cli("runs", "--json").json[0]["id"]
    assert f"agentnet resume {run}" in stopped.out
    resumed = cli("resume", run, "--limit-calls", 9, "--json")
    assert resumed.code == 0
    assert resumed.json["answer"] == "5"
    assert resumed.json["usage"]["calls"] == 2


def test_an_inline_protocol_can_be_resumed(cli: Cli, team: Path) -> None:
    expression = "{serial: {steps: [ann, bob]}}"
    cli("ask", "What is 2 + 3?", "-p", expression, "--limit-calls", 1)
    run = cli("runs", "--json").json[0]["id"]
    assert cli("resume", run, "--limit-calls", 9, "--json").json["took_part"] == ["ann", "bob"]


def test_a_run_that_is_over_is_not_resumed(cli: Cli, team: Path) -> None:
    run = cli("ask", "What is 2 + 3?", "--json").json["run"]
    ran = cli("resume", run)
    assert ran.code == 2
    assert "is over (done)" in ran.err


def test_a_run_is_forked_from_a_message(cli: Cli, team: Path) -> None:
    run = cli("ask", "What is 2 + 3?", "-p", "{serial: {steps: [ann, bob]}}", "--json").json["run"]
    assert "  1 ann" in cli("show", run).out
    same = cli("fork", run, "1", "--json").json
    assert [message["usage"]["calls"] for message in same["messages"]] == [0, 0, 1]
    other = cli("fork", run[:6], same["messages"][0]["id"], "-p", "vote", "--json")
    assert (other.code, "no message" in other.err) == (2, True)  # it is a message of the other run
    other = cli("fork", run, "2", "-p", "ann")
    assert (other.code, "= 5" in other.out) == (0, True)
    forks = [record["id"] for record in cli("runs", "--json").json][:2]
    assert f"forked from {run}" in cli("show", forks[0]).out
    gone = cli("forget", run)
    assert all(fork in gone.out for fork in forks)


def test_best_so_far_decides_within_the_limit(cli: Cli, team: Path) -> None:
    ran = cli("ask", "What is 2 + 3?", "-p", "vote", "--limit-calls", 1, "--best-so-far", "--json")
    assert ran.code == 0
    assert ran.json["usage"]["calls"] == 1


def test_terminal_control_characters_are_not_passed_on(cli: Cli, team: Path) -> None:
    ran = cli("ask", "\x1b[2JWhat is 2 + 3?", "-p", "vote")
    assert "\x1b[2J" not in ran.out


@pytest.mark.parametrize("command", ["show", "resume"])
def test_an_unknown_run_is_bad_input(cli: Cli, team: Path, command: str) -> None:
    ran = cli(command, "ffffff")
    assert ran.code == 2
    assert ran.err.startswith("agentnet: ")
    assert ran.err.count("\n") == 1
    assert "unexpected" not in ran.err
