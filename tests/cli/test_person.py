"""A person at the terminal as a member of a network."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Cli

NETWORK = """
name: with-me
agents:
  - {name: me, human: terminal, card: {roles: [solver, verifier]}}
  - {name: math, model: "zoo:math", pack: compact}
"""
VERIFY = "{verify: {proposer: math, verifier: me}}"


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "with-me.yaml"
    path.write_text(NETWORK)
    return path


def test_ask_waits_for_typed_words(cli: Cli, network: Path) -> None:
    ran = cli("ask", "What is 17 * 23?", "-n", network, "-p", "{serial: [math, me]}", input="\n391, of course\n")
    assert ran.code == 0
    assert "= 391, of course" in ran.out
    assert "What is 17 * 23?" in ran.err
    assert "A| " in ran.err
    assert ran.err.endswith("me> me> ")


def test_a_choice_is_asked_for_until_it_is_one(cli: Cli, network: Path) -> None:
    ran = cli("ask", "What is 17 * 23?", "-n", network, "-p", VERIFY, "--json", input="perhaps\nAPPROVE it is so\n")
    assert ran.code == 0
    assert "type one of approve, disapprove" in ran.err
    (verdict,) = [m["body"] for m in json.loads(ran.out)["messages"] if m["body"]["kind"] == "verdict"]
    assert (verdict["verdict"], verdict["reason"]) == ("approve", "it is so")


def test_a_run_that_waits_is_left_and_resumed(cli: Cli, network: Path) -> None:
    left = cli("ask", "What is 17 * 23?", "-n", network, "-p", VERIFY, input="")
    assert left.code == 1
    assert "interrupted: waits for me" in left.out
    run = cli("runs", "--json").json[0]
    assert run["status"] == "interrupted"
    assert f"resume with: agentnet resume {run['id']}" in left.out
    resumed = cli("resume", run["id"], input="approve\n")
    assert resumed.code == 0
    assert "= 391" in resumed.out
    assert resumed.out.count("proposal") == 0


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_while_the_person_thinks_leaves_a_run_that_can_be_resumed(
    cli: Cli, network: Path, tmp_path: Path
) -> None:
    """In a process of its own, on a real terminal."""
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "agentnet", "ask", "What is 17 * 23?", "-n", str(network), "-p", VERIFY]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    seen = b""
    deadline = time.monotonic() + 60
    while b"why:" not in seen and time.monotonic() < deadline:
        seen += os.read(ours, 4096)
    process.send_signal(signal.SIGINT)
    while True:
        try:
            chunk = os.read(ours, 4096)
        except OSError:  # the terminal is gone with the process
            break
        if not chunk:
            break
        seen += chunk
    assert process.wait(60) == 130
    os.close(ours)
    assert b"resume with: agentnet resume" in seen
    assert b"Traceback" not in seen
    (run,) = cli("runs", "--json").json
    assert run["status"] == "cancelled"
    assert cli("resume", run["id"], input="approve\n").code == 0
