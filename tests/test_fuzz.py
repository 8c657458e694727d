"""A few mutated inputs of each kind; `make soak` has thousands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "cases"), [("gguf", 25), ("yaml", 80), ("messages", 30), ("replies", 8)])
def test_every_mutated_input_is_used_or_refused_in_one_line(kind: str, cases: int) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "AGENTNET_TRIAL"}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.fuzz", kind, "--cases", str(cases), "--seed", "7"],
        cwd=ROOT,
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{cases} cases: " in done.stdout
    assert " refused" in done.stdout
