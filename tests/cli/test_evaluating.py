"""`agentnet eval`, `report` and `compare`: what a person sees, and what bad input says."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from agentnet.cli.output import console
from tests.cli.conftest import Cli

SUITE = """
name: sums
summary: sums that two members can do
members: [ann, bob]
selection: 2
datasets:
  - from: table
    path: sums.jsonl
    label: math
    answer: numeric
systems:
  - vote
  - {name: asked twice, protocol: {serial: {steps: [ann, bob]}}}
"""


@pytest.fixture
def suite(tmp_path: Path, team: Path) -> Path:
    lines = [json.dumps({"question": f"What is {n} + {n}?", "answer": str(2 * n)}) for n in range(8)]
    (tmp_path / "sums.jsonl").write_text("\n".join(lines))
    path = tmp_path / "sums.yaml"
    path.write_text(SUITE + f"network: {team.name}\n")
    return path


def test_a_suite_ends_with_a_table_and_a_report(cli: Cli, suite: Path, tmp_path: Path) -> None:
    ran = cli("eval", suite, "--out", tmp_path / "out")
    assert ran.code == 0
    assert "best, in advance (ann)" in ran.out
    assert "asked twice" in ran.out
    assert "None of 2 systems beat the best single model" in ran.out
    for name in ("report.html", "report.md", "report.json"):
        assert (tmp_path / "out" / name).stat().st_size > 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    rows = {row["system"]: row for row in report["rows"]}
    assert {rows[name]["accuracy"]["estimate"] for name in ("ann", "bob", "vote")} == {1.0}
    assert rows["vote"]["calls"] == 1.0
    assert rows["vote"]["items"] == 6


def test_json_is_one_document(cli: Cli, suite: Path) -> None:
    ran = cli("eval", suite, "--json", "--limit", 2)
    assert {row["items"] for row in ran.json["rows"]} == {2}
    assert ran.err == ""


@pytest.mark.slow
def test_evaluations_are_listed_reported_and_compared(cli: Cli, suite: Path) -> None:
    cli("eval", suite)
    cli("eval", suite, "--seed", 3)
    listed = cli("report", "--json").json
    assert [(one["suite"], one["status"]) for one in listed] == [("sums", "done")] * 2
    one, other = (entry["id"] for entry in listed)
    again = cli("report", one[:6])
    assert again.code == 0
    assert "asked twice" in again.out
    rows = cli("compare", one, other, "--json").json
    assert {(row["one"], row["gain"]["estimate"]) for row in rows if row["one"] == "vote"} == {("vote", 0.0)}
    (pair,) = cli("compare", f"{one}/ann", f"{one}/vote", "--json").json
    assert (pair["one"], pair["other"], pair["trials"]) == ("ann", "vote", 6)


@pytest.mark.slow
def test_a_finished_evaluation_is_not_run_again(cli: Cli, suite: Path) -> None:
    first = cli("eval", suite, "--json").json
    again = cli("eval", "--resume", first["evaluation"]["id"], "--json").json
    assert again["rows"] == first["rows"]


@pytest.mark.slow
def test_resuming_other_items_is_refused(cli: Cli, suite: Path, tmp_path: Path) -> None:
    id = cli("eval", suite, "--json").json["evaluation"]["id"]
    (tmp_path / "sums.jsonl").write_text('{"question": "What is 1 + 2?", "answer": "3"}\n' * 2)
    ran = cli("eval", "--resume", id)
    assert ran.code == 2
    assert "not what they were" in ran.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("eval", "nothing"), "no suite 'nothing'"),
        (("eval", "zo"), "did you mean 'zoo'?"),
        (("eval", "--resume", "ffff"), "no evaluation starts with 'ffff'"),
        (("report", "ffff"), "no evaluation starts with 'ffff'"),
        (("compare", "a", "b"), "no evaluation starts with 'a'"),
    ],
)
def test_what_is_not_there(cli: Cli, team: Path, arguments: tuple[str, ...], says: str) -> None:
    assert cli("ask", "What is 2 + 3?").code == 0  # the store is there
    ran = cli(*arguments)
    assert ran.code == 2
    assert says in ran.err


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("path: sums.jsonl", "path: none.jsonl", "none.jsonl"),
        ("- vote", "- voting", "no protocol 'voting'"),
        ("members: [ann, bob]", "members: [ann, bo]", "did you mean 'bob'?"),
        ("answer: numeric", "answer: number", "datasets.0.answer"),
        ("answer: numeric", "extract: last-numbr", "last-number"),
        ("name: asked twice", "name: vote", "two systems are called 'vote'"),
        (
            "protocol: {serial: {steps: [ann, bob]}}",
            "protocol: {serial: {stps: [ann, bob]}}",
            "sums.yaml: system 'asked twice': protocol.serial",
        ),
        ("protocol: {serial: {steps: [ann, bob]}}", "protocol: vote, datasets: [some]", "no dataset of the suite"),
    ],
)
def test_a_suite_that_cannot_be_used(cli: Cli, suite: Path, old: str, new: str, says: str) -> None:
    suite.write_text(suite.read_text().replace(old, new))
    ran = cli("eval", suite)
    assert ran.code == 2
    assert says in ran.err
    assert ran.err.count("\n") == 1


def test_suites_are_listed(cli: Cli) -> None:
    assert {"zoo", "gsm8k-recorded", "paths"} <= {suite["name"] for suite in cli("eval", "--json").json}
    assert "first-light" in cli("eval").out


@pytest.mark.slow
@pytest.mark.parametrize("width", [80, 60])
def test_the_table_names_its_systems_on_a_narrow_terminal(
    cli: Cli, suite: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setattr("agentnet.cli.output.PLAIN_WIDTH", width)
    console.cache_clear()
    ran = cli("eval", suite)
    console.cache_clear()
    for name in ("ann", "bob", "vote", "asked twice", "self-consistency"):
        assert any(line.startswith(name) and "100.0 %" in line for line in ran.out.splitlines())
    assert "no room for s" in ran.out


@pytest.mark.slow
def test_systems_of_one_name_are_compared_in_one_column(cli: Cli, suite: Path) -> None:
    id = cli("eval", suite, "--json").json["evaluation"]["id"]
    header = cli("compare", id, id).out.splitlines()[0]
    assert header.split()[:3] == ["items", "system", "n"]
    header = cli("compare", f"{id}/ann", f"{id}/vote").out.splitlines()[0]
    assert header.split()[:4] == ["items", "A", "B", "n"]


def test_a_member_whose_server_is_down_is_not_passed_over(program: Cli, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    (tmp_path / "net.yaml").write_text(
        f"name: net\nagents:\n  - {{name: far, model: {{model: m, base_url: '{url}', attempts: 1}}, "
        "card: {roles: [solver]}}\n  - {name: atlas, model: 'zoo:atlas', pack: compact, card: {roles: [solver]}}\n"
    )
    (tmp_path / "sums.jsonl").write_text('{"question": "What is 2 + 3?", "answer": "5"}\n')
    (tmp_path / "sums.yaml").write_text(
        "name: sums\nsummary: one is down\nnetwork: net.yaml\nselection: 0\nattempts: 1\n"
        "datasets: [{from: table, path: sums.jsonl, label: math}]\nsystems: [vote, duetnet]\n"
    )
    ran = program("eval", "sums.yaml")
    assert ran.code == 1
    said = " ".join(ran.out.split())
    assert f"far could not be asked at all and is in no table: {url}: cannot be reached" in said
    assert "far, which could not be asked or dropped out: duetnet on 1 of 1 trials, vote on 1 of 1 trials." in said


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("  - vote\n", "  - {name: x, protocl: vote}\n", "systems.0.system.protocol: Field required"),
        ("  - vote\n", "  - {sweep: round}\n", "systems.0.sweep.sweep: Input should be"),
        ("  - vote\n", "  - {sweep: rounds, rounds: [0]}\n", "systems.0.sweep.rounds.0"),
        ("  - vote\n", "  - {sweep: rounds, rounds: []}\n", "sweep rounds over"),
        ("  - vote\n", "  - {sweep: pairs, members: [ann]}\n", "sweep pairs over ann: it makes no system"),
        ("members: [ann, bob]", "members: []", "members: Tuple should have at least 1 item"),
    ],
)
def test_an_entry_of_a_suite_that_cannot_be_used(cli: Cli, suite: Path, old: str, new: str, says: str) -> None:
    suite.write_text(suite.read_text().replace(old, new))
    ran = cli("eval", suite)
    assert ran.code == 2
    assert says in ran.err
    assert ran.err.startswith(f"agentnet: {suite}: ")
    assert ran.err.count("\n") == 1


def test_a_suite_without_systems_is_refused(cli: Cli, suite: Path) -> None:
    text = suite.read_text()
    suite.write_text(text[: text.index("systems:")] + "baselines: []\nnetwork: team.yaml\n")
    ran = cli("eval", suite)
    assert ran.code == 2
    assert "there is nothing to compare: name `systems`" in ran.err


@pytest.mark.parametrize("what", ["{from: zoo, family: math, items: 2, answer: judged, judge: eve}", "model"])
def test_an_evaluation_that_cannot_begin_is_not_remembered(
    cli: Cli, suite: Path, team: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    if what == "model":
        monkeypatch.undo()
        monkeypatch.setenv("AGENTNET_HOME", str(tmp_path / "home"))
        monkeypatch.chdir(tmp_path)
    else:
        suite.write_text(suite.read_text().replace("datasets:\n", f"datasets:\n  - {what}\n"))
    assert cli("eval", suite).code == 2
    assert cli("report", "--json").json == []


def test_resuming_changes_nothing(cli: Cli, suite: Path) -> None:
    id = cli("eval", suite, "--json").json["evaluation"]["id"]
    ran = cli("eval", "--resume", id, "--limit", 2, "--seed", 3)
    assert ran.code == 2
    assert "leave out --limit, --seed" in ran.err


def test_a_report_that_cannot_be_written_is_told_before_anything_is_asked(cli: Cli, suite: Path) -> None:
    ran = cli("eval", suite, "--out", suite / "report")
    assert ran.code == 2
    assert "the report cannot be written there" in ran.err
    assert cli("report", "--json").json == []


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("odd.csv", "\ufeffquestion;answer\r\n1 + 1?;2\r\n", "odd.csv:1: semicolons separate its columns"),
        ("odd.csv", "question\tanswer\n1 + 1?\t2\n", "odd.csv:1: tabs separate its columns"),
        ("odd.csv", "", "there is no item in it"),
        ("odd.csv", "question,answer\n1 + 1?,\n", "odd.csv:2: 'answer' is empty"),
        ("odd.jsonl", '{"question": "1 + \\ud83d?", "answer": 2}\n', "odd.jsonl:1: not usable JSON: an escape"),
        ("odd.jsonl", '{"question": "1 + 1?", "answer": null}\n', "odd.jsonl:1: no field 'answer'"),
    ],
)
def test_a_dataset_that_cannot_be_used(
    cli: Cli, suite: Path, tmp_path: Path, name: str, content: str, says: str
) -> None:
    (tmp_path / name).write_text(content, newline="")
    suite.write_text(suite.read_text().replace("path: sums.jsonl", f"path: {name}"))
    ran = cli("eval", suite)
    assert ran.code == 2
    assert ran.err.startswith(f"agentnet: {suite}: dataset 'odd': ")
    assert says in ran.err


def test_an_unknown_scorer_is_told_with_its_suite_and_dataset(cli: Cli, suite: Path) -> None:
    suite.write_text(suite.read_text().replace("answer: numeric", "score: nmber"))
    assert f"agentnet: {suite}: dataset 'sums': no scorer 'nmber', did you mean 'number'?" in cli("eval", suite).err


def test_limits_that_leave_no_answer_are_told_of(cli: Cli, suite: Path) -> None:
    suite.write_text(suite.read_text() + "limits: {calls: 1}\n")
    said = " ".join(cli("eval", suite).out.split())
    assert "before an answer, which counts as wrong: asked twice on 6 of 6 trials." in said


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("answer: numeric", "answer: yes-no", "the answer '0' is neither yes nor no"),
        ("from: table", "name: all\n    from: table", "no dataset can be called 'all'"),
        ("from: table", "from: boolq\n    fields: {question: q}", "`fields` are those of a table"),
    ],
)
def test_settings_of_a_dataset_that_would_be_lost(cli: Cli, suite: Path, old: str, new: str, says: str) -> None:
    suite.write_text(suite.read_text().replace(old, new))
    ran = cli("eval", suite)
    assert ran.code == 2
    assert says in ran.err


@pytest.mark.slow
def test_a_passage_may_be_long(cli: Cli, suite: Path, tmp_path: Path) -> None:
    (tmp_path / "long.csv").write_text(f"question,answer\n1 + 1?,2\nWhat is 2 + 3? {'x' * 200_000},5\n")
    suite.write_text(suite.read_text().replace("path: sums.jsonl", "path: long.csv"))
    assert cli("eval", suite, "--json").code == 0


def test_learning_writes_the_policy_that_auto_finds(cli: Cli, suite: Path, team: Path) -> None:
    ran = cli("learn", suite)
    assert ran.code == 0
    assert "default: " in ran.out
    assert "nothing else was better" in ran.out
    written = team.with_name(f"{team.stem}.policy.yaml")
    assert str(written) in ran.out.replace("\n", "")
    assert '"members":' in written.read_text()


def test_learning_goes_by_terms_and_says_them(cli: Cli, suite: Path, tmp_path: Path) -> None:
    ran = cli("learn", suite, "--epsilon", "0.05", "--token", "0.1", "--json", "--out", tmp_path / "own.yaml")
    assert (ran.json["epsilon"], ran.json["exchange"]) == (0.05, {"price": 0.0, "second": 0.0, "token": 0.1})
    assert ran.json["file"] == str(tmp_path / "own.yaml")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "give one of: a suite to learn from, --resume ID, --from ID"),
        (["sums", "--from", "e1"], "give one of"),
        (["--resume", "e1", "--limit", 3], "--limit: only with a suite"),
        (["--resume", "e1", "--epsilon", 0.1], "--resume goes on with the terms"),
        (["--from", "e1"], "e1"),
    ],
)
def test_learning_says_what_is_wrong(cli: Cli, arguments: list[object], says: str) -> None:
    ran = cli("learn", *arguments)
    assert ran.code == 2
    assert says in ran.err
