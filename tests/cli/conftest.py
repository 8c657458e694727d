"""The real command line in process, on a network whose models are scripted."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from agentnet.cli.entry import Interruption
from agentnet.models.base import Request
from agentnet.models.scripted import ScriptedScorer

ROOT = Path(__file__).parents[2]

TEAM = """
name: team
agents:
  - {name: ann, model: ann.gguf, pack: compact, card: {roles: [solver], claims: {math: 0.9}}}
  - {name: bob, model: bob.gguf, pack: compact, card: {roles: [solver, aggregator], claims: {facts: 0.8}}}
  - {name: cal, model: cal.gguf, pack: compact, card: {roles: [verifier, judge]}}
  - {name: pia, model: pia.gguf, pack: compact, card: {roles: [planner]}}
grades:
  given: {ann: {bob: {mean: 2, items: 30}}, bob: {ann: {mean: 3, items: 30}}}
"""

PLAN = {
    "steps": [
        {"label": "facts", "ask": "What is the atomic number of oxygen?"},
        {"label": "math", "ask": "What is #1 * 4?"},
    ]
}
KNOWN = {"What is the atomic number of oxygen?": "8"}


def reply(request: Request) -> str:
    """What a scripted member says: it can calculate, approves of everything, and declines riddles."""
    question, *_, role = request.messages[0]["content"].splitlines()
    if role == "plan":
        return json.dumps(PLAN)
    if role == "verify":
        return json.dumps({"reason": "it fits", "verdict": "approve"})
    if role == "choose":
        return json.dumps({"reason": "the first", "choice": "A"})
    if question.startswith("Riddle"):
        return "REFUSE: no riddles"
    if question in KNOWN:
        return f"=> {KNOWN[question]}"
    found = re.search(r"(\d+) ([-+*]) (\d+)", question)
    if found is None:
        return "=> 7"
    one, sign, other = found.groups()
    return f"{question} => {({'+': int.__add__, '-': int.__sub__, '*': int.__mul__}[sign])(int(one), int(other))}"


def likes(_: Request, reply: str) -> float:
    """How likely a reply is that a member is given to score: it approves, and chooses A, at 80 %."""
    return math.log(0.8 if json.loads(reply) in ({"verdict": "approve"}, {"choice": "A"}) else 0.2)


class Ran:
    """What one call of the command line left."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Ran]


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test has its own folder, home and settings."""
    for name in list(os.environ):
        if name.startswith(("AGENTNET_", "OPENAI_")) and name not in ("AGENTNET_STUB", "AGENTNET_TRIAL"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AGENTNET_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Interruption, "resume_hint", None)


@pytest.fixture
def cli() -> Cli:
    """Run the command line in this process."""
    from agentnet.cli.app import app

    def call(*arguments: object, input: str | None = None) -> Ran:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments], input=input)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)

    return call


@pytest.fixture
def program(tmp_path: Path) -> Cli:
    """Run the command line as a process of its own."""

    def call(*arguments: object, **environment: str) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "agentnet", *map(str, arguments)],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=60,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A network file of four members, and the settings that choose it."""
    path = tmp_path / "team.yaml"
    path.write_text(TEAM)
    monkeypatch.setattr(
        "agentnet.models.pool.open_model", lambda spec, **_: ScriptedScorer(reply, likes, name=spec.path)
    )
    monkeypatch.setenv("AGENTNET_NETWORK", str(path))
    return path
