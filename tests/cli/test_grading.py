"""`agentnet grade`, and suites whose members grade each other first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli

SUITE = """
name: sums
summary: sums
network: team.yaml
members: [ann, bob]
selection: 2
datasets: [{from: table, path: sums.jsonl, label: math, answer: numeric}]
systems: [{name: routed, protocol: {route: {members: [ann, bob], first: ann}}}]
grades: {}
baselines: [members]
"""


@pytest.fixture
def suite(tmp_path: Path, team: Path) -> Path:
    team.write_text(team.read_text().partition("grades:")[0])
    lines = [json.dumps({"question": f"What is {n} + {n}?", "answer": str(2 * n)}) for n in range(12)]
    (tmp_path / "sums.jsonl").write_text("\n".join(lines))
    path = tmp_path / "sums.yaml"
    path.write_text(SUITE.replace("team.yaml", team.name))
    return path


def test_members_grade_each_other_and_the_grades_are_written(cli: Cli, suite: Path, tmp_path: Path) -> None:
    out = tmp_path / "grades.yaml"
    ran = cli("grade", suite, "--items", 3, "--out", out)
    assert ran.code == 0
    assert "from 1 (disapprove) to 2 (approve)" in ran.out
    network = tmp_path / "team.yaml"
    network.write_text(network.read_text() + "grades: grades.yaml\n")
    drawn = cli("graph", "{route: {members: [ann, bob]}}", "--network", network)
    assert "ann" in drawn.out
    assert cli("grade", suite, "--items", 3, "--json").json["given"]["ann"]["bob"] == {
        "mean": 2.0, "items": 3, "missing": 0
    }  # fmt: skip


def test_a_suite_lets_members_grade_before_it_routes(cli: Cli, suite: Path) -> None:
    report = cli("eval", suite, "--json").json
    given = report["evaluation"]["network"]["grades"]["given"]
    assert given["ann"]["bob"] == {"mean": 2.0, "items": 2, "missing": 0}
    (row,) = (row for row in report["rows"] if row["system"] == "routed")
    assert row["accuracy"]["estimate"] == 1.0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["grade"], "give a suite, --family, or --resume ID"),
        (["grade", "SUITE", "--family", "math"], "give a suite, --family, or --resume ID"),
        (["grade", "SUITE", "--scale", "A"], "name two grades or more"),
        (["grade", "SUITE", "--scale", "A,B"], "its prompt pack has no template `grade`"),
        (["grade", "SUITE", "--resume", "x"], "give a suite, --family, or --resume ID"),
        (["grade", "--resume", "x"], "no evaluation starts with 'x'"),
    ],
)
def test_what_cannot_be_graded_is_one_clear_line(cli: Cli, suite: Path, arguments: list[str], says: str) -> None:
    ran = cli(*(str(suite) if each == "SUITE" else each for each in arguments))
    assert ran.code == 2
    assert says in ran.err
    assert "Traceback" not in ran.err


def test_grades_that_a_network_file_names_must_be_there(cli: Cli, suite: Path, tmp_path: Path) -> None:
    network = tmp_path / "team.yaml"
    network.write_text(network.read_text() + "grades: missing.yaml\n")
    ran = cli("ask", "What is 2 + 3?", "--network", network, "-p", "{route: {members: [ann, bob]}}")
    assert ran.code == 2
    assert "no grades" in ran.err
