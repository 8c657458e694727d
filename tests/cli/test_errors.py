"""What goes wrong is one line on stderr and exit code 2, never a traceback."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agentnet.cli.entry import printable
from tests.cli.conftest import ROOT, Cli, Ran


def one_line(ran: Ran) -> str:
    """The complaint; fails unless it is one line and the exit code 2."""
    assert ran.code == 2, (ran.out, ran.err)
    assert ran.err.startswith("agentnet: ")
    assert ran.err.count("\n") == 1
    assert "Traceback" not in ran.err
    return ran.err


@pytest.mark.parametrize(
    ("protocol", "words"),
    [
        ("debat", "did you mean 'debate'"),
        ("{parallell: {branches: [ann]}}", "did you mean 'parallel'"),
        ("{parallel: {branches: [ann], decide: majorty}}", "did you mean 'majority'"),
        ("{serial: {steps: [annn]}}", "did you mean 'ann'"),
        ("{serial: {steps: ['@wizard']}}", "no agent of network 'team' has the role 'wizard'"),
        ("{ask: {agent: ann, role: critique}}", "has no template"),
        ("{serial: [", "is not YAML"),
    ],
)
def test_a_protocol_that_cannot_be(cli: Cli, team: Path, protocol: str, words: str) -> None:
    assert words in one_line(cli("ask", "What is 2 + 3?", "-p", protocol))


def test_as_json_the_error_is_a_document_too(cli: Cli, team: Path) -> None:
    ran = cli("ask", "What is 2 + 3?", "-p", "debat", "--json")
    one_line(ran)
    assert ran.json["error"]["code"] == "bad-protocol"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: x\nagents: [", "network.yaml: line 2 is not YAML"),
        ("- a\n", "expected a mapping at the top"),
        ("name: x\n", "agents: Field required"),
        ("name: x\nagents: [{name: a, model: m.gguf, colour: red}]\n", "agents.0.colour"),
        (
            "name: x\nagents: [{name: a, model: {model: m, base_url: 'localhost:9/v1'}}]\n",
            "'localhost:9/v1' is not the address of a server: write http://localhost:9/v1",
        ),
    ],
)
def test_a_network_file_that_cannot_be_read(cli: Cli, tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "network.yaml"
    path.write_text(text)
    error = one_line(cli("ask", "hello", "-n", path))
    assert words in error
    assert str(path) in error


def test_a_network_that_is_not_there(cli: Cli) -> None:
    assert "no network 'none.yaml'" in one_line(cli("models", "-n", "none.yaml"))


@pytest.mark.parametrize(
    ("content", "words"), [(b"not a model at all", "GGUF"), (b"GGUF\x03\x00\x00\x00\x05\x00", ""), (b"", "")]
)
def test_a_broken_model_file(program: Cli, tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "broken.gguf").write_bytes(content)
    path = tmp_path / "network.yaml"
    path.write_text("name: x\nagents: [{name: a, model: broken.gguf}]\n")
    error = one_line(program("ask", "hello", "-n", path))
    assert "broken.gguf" in error
    assert words in error
    assert "unexpected" not in error


def test_a_server_that_is_down(program: Cli, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = tmp_path / "network.yaml"
    model = f'{{model: m, base_url: "http://127.0.0.1:{port}/v1", attempts: 1}}'
    path.write_text(f"name: x\nagents: [{{name: a, model: {model}}}]\n")
    ran = program("ask", "hello", "-n", path, "--json")
    assert ran.code == 1
    assert "Traceback" not in ran.err
    assert ran.json["status"] == "failed"
    assert str(port) in ran.json["detail"]


def test_a_store_that_cannot_be_made(cli: Cli, team: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    error = one_line(cli("ask", "hello", "--store", tmp_path / "file" / "runs.db"))
    assert "unexpected" not in error


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_read_only(cli: Cli, team: Path, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    assert "unexpected" not in one_line(cli("ask", "hello", "--store", tmp_path / "locked" / "deep" / "runs.db"))


def test_a_store_that_is_none(cli: Cli, team: Path, tmp_path: Path) -> None:
    (tmp_path / "runs.db").write_bytes(b"this is not a database" * 100)
    assert "unexpected" not in one_line(cli("runs", "--store", tmp_path / "runs.db"))


def test_a_store_of_a_newer_version(cli: Cli, team: Path, tmp_path: Path) -> None:
    store = tmp_path / "runs.db"
    assert cli("ask", "What is 2 + 3?", "--store", store).code == 0
    with sqlite3.connect(store) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'from-the-future'")
    connection.close()
    assert "newer version" in one_line(cli("runs", "--store", store))


@pytest.mark.skipif(sys.platform == "win32", reason="pipes")
def test_a_reader_that_has_seen_enough_is_no_error(program: Cli, tmp_path: Path) -> None:
    ran = program("protocols")
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "agentnet", "protocols"],
        cwd=ROOT,
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    os.close(writer)
    assert ran.code == 0
    assert "Traceback" not in done.stderr
    assert "agentnet:" not in done.stderr


def test_what_nobody_expected_names_its_type_and_how_to_see_more(
    cli: Cli, team: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(spec: object, **_: object) -> None:
        raise ZeroDivisionError("nobody\nexpected this")

    monkeypatch.setattr("agentnet.models.pool.open_model", broken)
    error = one_line(cli("ask", "hello"))
    assert "ZeroDivisionError: nobody expected this" in error
    assert "AGENTNET_DEBUG=1" in error
    monkeypatch.setenv("AGENTNET_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        cli("ask", "hello")


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_leaves_a_run_that_can_be_resumed(program: Cli, tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        model = f'{{model: m, base_url: "http://127.0.0.1:{silent.getsockname()[1]}/v1"}}'
        path = tmp_path / "network.yaml"
        path.write_text(f"name: x\nagents: [{{name: a, model: {model}}}]\n")
        process = subprocess.Popen(
            [sys.executable, "-m", "agentnet", "ask", "hello", "-n", str(path), "--json-lines"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        run = json.loads(process.stdout.readline())["run"]
        while json.loads(process.stdout.readline())["kind"] != "turn-started":
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors == f"agentnet: interrupted; resume with: agentnet resume {run}\n"
    assert program("show", run, "--json").json["status"] == "cancelled"


def test_printable_keeps_words_and_drops_control() -> None:
    assert printable("é\x1b[31m→\x07\n") == "é[31m→\n"


def test_a_question_that_is_not_text(program: Cli) -> None:
    assert "the question is not UTF-8" in one_line(program("ask", "caf\udce9"))


def test_a_question_from_standard_input(cli: Cli, team: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cli("ask", "-", "--json", input="What is 2 + 3?\n").json["messages"][0]["body"]["text"] == "What is 2 + 3?"
    assert "the question is empty" in one_line(cli("ask", "-"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_full_disk_is_no_bug(tmp_path: Path, form: tuple[str, ...]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "agentnet", "protocols", *form],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert done.returncode == 2
    assert done.stderr.startswith("agentnet: cannot write: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "form", [(), *(pytest.param((option,), marks=pytest.mark.slow) for option in ("--json", "--json-lines"))]
)
def test_a_stdout_that_has_no_such_letters(program: Cli, form: tuple[str, ...]) -> None:
    ran = program("ask", "2+2 ✓", "-p", "verification", *form, PYTHONIOENCODING="ascii")
    assert ran.code == 0, ran.err
    assert "\\u2713" in ran.out if form else "approve  found 4" in ran.out
    assert ran.err == ""


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell")
@pytest.mark.parametrize(
    ("arguments", "closed", "code", "err"),
    [
        (("ask", "What is 2 + 3?", "--json"), ">&-", 0, ""),
        (("ask", "What is 2 + 3?"), ">&-", 0, ""),
        (("ask", "What is 2 + 3?"), "<&-", 0, ""),
        (("ask", "-"), "<&-", 2, "agentnet: standard input is closed: there is no question to read\n"),
    ],
)
def test_standard_streams_that_are_closed(
    tmp_path: Path, arguments: tuple[str, ...], closed: str, code: int, err: str
) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -m agentnet "$@" {closed}', sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "AGENTNET_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (code, err)


@pytest.mark.parametrize("command", ["ask", "graph", "run", "eval"])
@pytest.mark.parametrize("name", ["x" * 300, "~nobody-of-that-name/file.yaml"])
def test_a_name_that_can_be_no_file(cli: Cli, team: Path, command: str, name: str) -> None:
    named = ("ask", "What is 2 + 3?", "-p", name) if command == "ask" else (command, name)
    assert name in one_line(cli(*named))
    assert name in one_line(cli("models", "-n", name))


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(
    "seconds", [0.1, *(pytest.param(seconds, marks=pytest.mark.slow) for seconds in (0.05, 0.15, 0.2))]
)
def test_ctrl_c_before_anything_has_begun(tmp_path: Path, seconds: float) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", "import agentnet.cli; print(flush=True); agentnet.cli.main()", "eval", "zoo"],
        cwd=ROOT,
        env={**os.environ, "AGENTNET_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert errors in ("", "agentnet: interrupted\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: x\nagents: []\nname: y\n", "line 3 is not YAML: 'name' is there twice"),
        ("name: x\nagents:\n  - {name: a, model: m.gguf, name: b}\n", "'name' is there twice"),
        ("", "expected a mapping at the top, found nothing"),
    ],
)
def test_what_would_be_lost_in_a_yaml_file(cli: Cli, tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "network.yaml").write_text(text)
    assert words in one_line(cli("models", "-n", tmp_path / "network.yaml"))


def test_a_drawing_of_an_unknown_kind(cli: Cli, team: Path, tmp_path: Path) -> None:
    assert "unknown suffix of a drawing; use .svg, .png, .txt" in one_line(
        cli("graph", "debate", "--out", tmp_path / "x.jpg")
    )
    assert cli("graph", "debate", "--out", tmp_path / "x.jpg", "--format", "mermaid").code == 0


def test_a_node_leaves_an_address_not_a_name(cli: Cli) -> None:
    refused = cli("leave", "garage")
    assert refused.code == 2
    assert "'garage' is not where `agentnet serve` runs: agentnet leave http://HOST:PORT --name garage" in refused.err
