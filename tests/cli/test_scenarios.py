"""``agentnet run`` and its exit codes."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Cli

SUMS = """
name: sums
summary: Two sums.
network: team.yaml
protocol: {parallel: {branches: [ann, bob]}}
tasks:
  - {text: "What is 2 + 3?", expect: {answer: 5}}
  - {text: "What is 4 * 5?", expect: {within: {value: 21, tolerance: TOLERANCE}}}
"""


def _scenario(folder: Path, text: str) -> Path:
    path = folder / "sums.yaml"
    path.write_text(text)
    return path


def test_expectations_that_hold(cli: Cli, team: Path, tmp_path: Path) -> None:
    path = _scenario(tmp_path, SUMS.replace("TOLERANCE", "1"))
    ran = cli("run", path)
    assert ran.code == 0
    assert "✓ right: 2 of 2" in ran.out
    report = cli("run", path, "--json").json
    assert report["held"] is True
    assert [task["answer"] for task in report["tasks"]] == ["5", "20"]


def test_an_expectation_that_fails_is_exit_code_1(cli: Cli, team: Path, tmp_path: Path) -> None:
    path = _scenario(tmp_path, SUMS.replace("TOLERANCE", "0.5"))
    ran = cli("run", path)
    assert ran.code == 1
    assert "✗ right: 1 of 2" in ran.out
    assert cli("run", path, "--json").json["held"] is False


def test_another_protocol_for_the_same_tasks(cli: Cli, team: Path, tmp_path: Path) -> None:
    path = _scenario(tmp_path, SUMS.replace("TOLERANCE", "1"))
    assert cli("run", path, "-p", "single", "--json").json["usage"]["calls"] == 2


def test_a_scenario_run_is_remembered_with_its_source(cli: Cli, team: Path, tmp_path: Path) -> None:
    path = _scenario(tmp_path, SUMS.replace("TOLERANCE", "1"))
    cli("run", path)
    assert {run["scenario_source"] for run in cli("runs", "--json").json} == {str(path)}


def test_a_bad_scenario_names_file_and_place(cli: Cli, tmp_path: Path) -> None:
    path = _scenario(tmp_path, "name: sums\nsummary: [\n")
    ran = cli("run", path)
    assert ran.code == 2
    assert f"{path}: line 3 is not YAML" in ran.err
    path.write_text("name: sums\nsummary: x\nprotocol: vote\ntasks: [{txt: hello}]\n")
    assert f"{path}: tasks.0.text: Field required" in cli("run", path).err


def test_a_scenario_name_with_a_slip(cli: Cli) -> None:
    assert "did you mean 'debate'" in cli("run", "debat").err


def test_without_a_name_the_scenarios_are_listed(cli: Cli) -> None:
    assert "fact-check" in cli("run").out
    assert {"name", "summary", "tasks"} == set(cli("run", "--json").json[0])
