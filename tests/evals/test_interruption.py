"""kill -9 in mid-suite: what goes on afterwards ends with the same table as what was never interrupted."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SUITE = """
name: little
summary: two families, members that debate, and a critic
network: zoo
members: [scout, sage]
selection: 6
repeats: {most: 3}
datasets:
  - {from: zoo, family: math, items: 8}
  - {from: zoo, family: symbols, items: 8}
systems:
  - {name: debate, protocol: {debate: {members: [scout, sage], rounds: 2}}}
  - {name: checked, protocol: {verify: {proposer: scout, verifier: critic}}, datasets: [math]}
"""
TAKES_TIME = {"seconds", "reused_tokens"}


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    path = tmp_path / "little.yaml"
    path.write_text(SUITE)
    return path


def command(tmp_path: Path, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "agentnet", "eval", *map(str, arguments), "--json"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "AGENTNET_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def trials_in(store: Path) -> int:
    try:
        with sqlite3.connect(store, timeout=5) as connection:
            return int(connection.execute("select count(*) from trials").fetchone()[0])
    except sqlite3.OperationalError:
        return 0  # the store is only being made


def ended(process: subprocess.Popen[str]) -> Any:
    out, errors = process.communicate(timeout=100)
    assert process.returncode == 0, errors
    return json.loads(out)


def table(report: Any) -> Any:
    """The rows of a report without what depends on the clock."""

    def timeless(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: timeless(part) for name, part in value.items() if not name.startswith("seconds")}
        return [timeless(part) for part in value] if isinstance(value, list) else value

    return timeless({name: report[name] for name in ("rows", "chosen", "correlations", "grid")})


@pytest.mark.slow
def test_a_killed_evaluation_goes_on_to_the_same_table(tmp_path: Path, suite: Path) -> None:
    whole = ended(command(tmp_path, suite, "--store", tmp_path / "whole.db"))
    store = tmp_path / "killed.db"
    arguments: tuple[object, ...] = (suite,)
    for enough in (9, 60):
        process = command(tmp_path, *arguments, "--store", store)
        while process.poll() is None and trials_in(store) < enough:
            time.sleep(0.01)
        assert process.poll() is None, "it was over before it could be killed"
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        with sqlite3.connect(store) as connection:
            (id,) = connection.execute("select id from evaluations").fetchone()
        arguments = ("--resume", id[:6])
    before = trials_in(store)
    resumed = ended(command(tmp_path, *arguments, "--store", store))
    assert trials_in(store) > before >= 60
    assert table(resumed) == table(whole)
    assert trials_in(store) == trials_in(tmp_path / "whole.db")


@pytest.mark.slow
def test_ctrl_c_says_how_to_go_on(tmp_path: Path, suite: Path) -> None:
    store = tmp_path / "stopped.db"
    process = command(tmp_path, suite, "--store", store)
    while process.poll() is None and trials_in(store) < 5:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "resume with: agentnet eval --resume" in errors
    assert "Traceback" not in errors
