"""The skeleton that the conformance suites share: reports, parts that cannot run, and a gateway of its own."""

from __future__ import annotations

import json

import httpx
import pytest

from tools.conformance import __main__ as command
from tools.conformance import mcp
from tools.conformance.gateway import served
from tools.conformance.report import Check, Missing, Report

GOOD = Report("suite 1", (Check("a", "passed"), Check("b", "left out", "no such tool")))
BAD = Report("suite 2", (Check("a", "passed"), Check("c", "failed", "said 500")))


def missing() -> list[Report]:
    raise Missing("it needs npm")


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "PARTS", {"good": lambda: [GOOD], "bad": lambda: [GOOD, BAD], "far": missing})


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize(("named", "code"), [(["good"], 0), (["bad"], 1), (["good", "far"], 1), ([], 1)])
def test_a_failed_check_and_a_named_part_that_cannot_run_are_failures(named: list[str], code: int) -> None:
    assert command.main(named) == code


@pytest.mark.usefixtures("parts")
def test_a_part_that_cannot_run_says_why(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(command.PARTS, "bad")
    assert command.main([]) == 0
    said = capsys.readouterr()
    assert said.err == "far: left out: it needs npm\n"
    assert said.out == "good: suite 1: 1 passed, 0 failed, 1 left out\n  left out, no such tool: b\n"


@pytest.mark.usefixtures("parts")
def test_reports_are_data_too(capsys: pytest.CaptureFixture[str]) -> None:
    command.main(["bad", "--json"])
    data = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(entry["part"], entry["suite"], entry["held"]) for entry in data] == [
        ("bad", "suite 1", True),
        ("bad", "suite 2", False),
    ]
    assert data[1]["not passed"] == [{"name": "c", "status": "failed", "detail": "said 500"}]


def test_a_suite_that_checked_nothing_does_not_hold() -> None:
    assert not Report("suite", ()).held


@pytest.mark.usefixtures("parts")
def test_an_unknown_part_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["ugly"])
    assert ended.value.code == 2
    assert "no part is called ugly" in capsys.readouterr().err


@pytest.mark.slow
def test_a_gateway_runs_while_it_is_wanted() -> None:
    with served() as gateway:
        assert httpx.get(f"{gateway.url}/nowhere").status_code == 404
        assert gateway.store.is_file()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{gateway.url}/nowhere")
    assert not gateway.folder.exists()


@pytest.mark.slow
def test_a_gateway_that_does_not_start_says_why() -> None:
    with pytest.raises(RuntimeError, match="cannot listen"), served("--host", "192.0.2.1", AGENTNET_TOKEN="x" * 16):
        pass


def test_what_a_suite_of_mcp_found_is_counted() -> None:
    results = {
        "tools-list": [{"id": "a", "status": "SUCCESS"}, {"id": "b", "status": "FAILURE", "errorMessage": "no tools"}],
        "caching": [
            {"id": "sep-2549-prompts-list-caching-hints", "status": "FAILURE", "errorMessage": "Method not found"},
            {"id": "d", "status": "FAILURE", "errorMessage": f"{mcp.UNTESTABLE} 'x'"},
            {"id": "e", "status": "INFO"},
        ],
        "tasks-lifecycle": [{"id": "f", "status": "FAILURE"}],
    }
    assert list(mcp._counted(results, frozenset({"tools-list", "caching"}), "why not")) == [
        Check("tools-list: a", "passed"),
        Check("tools-list: b", "failed", "no tools"),
        Check("caching: sep-2549-prompts-list-caching-hints", "left out", "the gateway serves no prompts"),
        Check("caching: d", "left out", "a diagnostic tool of the suite"),
        Check("tasks-lifecycle", "left out", "the extension for tasks"),
    ]
    assert mcp._scenario("server-server-stateless-2026-11-28T22-16-09-254Z") == "server-stateless"
