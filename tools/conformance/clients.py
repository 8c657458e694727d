"""OpenAI's client for Node on a gateway. Those for Python are in the tests: `tests/serving/openai`."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tools.conformance.gateway import served
from tools.conformance.npm import installed, node
from tools.conformance.report import Check, Report

VERSION = "7.59.0"
"""The version of the package ``openai`` of npm."""
SCRIPT = Path(__file__).with_suffix(".mjs")
SECONDS = 120.0


def reports() -> Iterator[Report]:
    """Yield what the client finds of ``agentnet serve``. Raises `Missing`."""
    folder = installed("openai", {"openai": VERSION})
    with served() as gateway:
        yield Report(f"npm openai {VERSION}, the gateway", tuple(run(folder, gateway.url)))


def run(folder: Path, url: str) -> Iterator[Check]:
    """Yield the checks of a server, by the packages in a folder."""
    script = shutil.copy(SCRIPT, folder)  # Node finds packages from where a script is
    command = [str(node(folder)), str(script), url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        yield Check("the client", "failed", done.stderr.strip()[-500:] or f"exit code {done.returncode}")
    for line in lines:
        yield Check(**json.loads(line))
