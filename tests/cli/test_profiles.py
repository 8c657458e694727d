"""``agentnet measure``, ``agentnet profiles`` and ``agentnet outcome``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Cli


@pytest.fixture
def measured(cli: Cli) -> list[dict[str, object]]:
    shown = cli("measure", "scout", "-f", "math", "--items", "8", "--json")
    assert shown.code == 0
    found: list[dict[str, object]] = shown.json
    return found


def test_members_are_measured_and_shown(cli: Cli, measured: list[dict[str, object]]) -> None:
    (profile,) = measured
    math = profile["labels"]["math"]  # type: ignore[index]
    assert math["items"] == 8
    assert math["right"] + math["wrong"] == pytest.approx(8 + 300)  # the card's own measurement counts too
    assert 0 < math["bound"] < 1
    assert profile["first_token"]["count"] == 8  # type: ignore[index]
    table = cli("profiles")
    assert (table.code, "scout" in table.out, "active" in table.out) == (0, True, True)
    assert cli("profiles", "scout", "--json").json == measured


def test_what_was_asked_before_is_not_asked_again(cli: Cli, measured: list[dict[str, object]]) -> None:
    (again,) = cli("measure", "scout", "-f", "math", "--items", "8", "--json").json
    assert again["labels"] == measured[0]["labels"]
    (more,) = cli("measure", "scout", "-f", "math", "--items", "10", "--json").json
    assert more["labels"]["math"]["items"] == 10


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["measure"], "say what to ask"),
        (["measure", "-f", "math", "--suite", "zoo"], "not both"),
        (["measure", "-f", "maths"], "no family of the zoo 'maths'"),
        (["measure", "scot", "-f", "math"], "no agent 'scot'"),
        (["profiles", "scout"], "nothing was measured of a member 'scout'"),
        (["profiles", "--readmit", "why"], "name it"),
        (["outcome", "nothing", "right"], "no run starts with 'nothing'"),
        (["outcome", "nothing", "perhaps"], "'perhaps' is not one of"),
    ],
)
def test_bad_input_is_one_line(cli: Cli, arguments: list[str], line: str) -> None:
    cli("runs")  # the store is there
    shown = cli(*arguments)
    assert shown.code == 2
    assert line in shown.err
    assert "Traceback" not in shown.err


def test_an_outcome_is_told_and_can_be_corrected(cli: Cli, team: Path) -> None:
    run = cli("ask", "What is 2 + 3?", "-p", "debate", "--label", "math", "--json").json["run"]
    said = cli("outcome", run[:6], "right", "--json").json
    assert {one["seat"]["member"]: one["right"] for one in said["observations"]} == {"ann": True, "bob": True}
    first = {one["seat"]["member"]: one["labels"]["math"] for one in cli("profiles", "--json").json}
    cli("outcome", run, "wrong")
    second = {one["seat"]["member"]: one["labels"]["math"] for one in cli("profiles", "--json").json}
    for name in ("ann", "bob"):
        assert (first[name]["right"], first[name]["wrong"]) == (1, 0)
        assert (second[name]["right"], second[name]["wrong"]) == (pytest.approx(0, abs=1e-6), 1)


def test_a_run_without_an_answer_has_no_outcome(cli: Cli, team: Path) -> None:
    run = cli("ask", "What is 2 + 3?", "-p", "debate", "--limit-calls", "1", "--json").json["run"]
    shown = cli("outcome", run, "right")
    assert (shown.code, "has no answer that could be right or wrong" in shown.err) == (2, True)


def test_the_suite_of_a_network_is_asked_by_its_selection_split(cli: Cli, tmp_path: Path) -> None:
    suite = tmp_path / "own.yaml"
    suite.write_text(
        "name: own\nsummary: own questions\nnetwork: zoo\nselection: 3\n"
        "datasets: [{from: zoo, family: symbols, items: 5}]\nsystems: [vote]\n"
    )
    (profile,) = cli("measure", "symbols", "--suite", str(suite), "--json").json
    assert profile["labels"]["symbols"]["items"] == 3
