"""A gateway in a process of its own, as ``agentnet serve`` starts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
BENCH = CHECKOUT / ".bench"
"""Where suites, their environments and what they leave lie; git ignores it."""
ENDING = 30.0
"""Seconds that a gateway may take to end."""


@dataclass(frozen=True, slots=True)
class Served:
    """A gateway that runs: its address, and the folder of its store."""

    url: str
    folder: Path
    environment: dict[str, str]

    @property
    def store(self) -> Path:
        return self.folder / "store.db"

    def agentnet(self, *arguments: str) -> str:
        """Run a command on the gateway's store, and return what it prints. Raises `CalledProcessError`."""
        command = [sys.executable, "-m", "agentnet", *arguments, "--store", str(self.store)]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True)
        return done.stdout


@contextmanager
def served(*options: str, network: str = "zoo", **environment: str) -> Iterator[Served]:
    """Start a gateway on a free port of this machine, with a new store, and end it as a supervisor would.

    `options` are those of ``agentnet serve``. Raises `RuntimeError` with its words if it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="agentnet-conformance-") as name:
        folder = Path(name)
        paths = os.pathsep.join(filter(None, (str(CHECKOUT), os.environ.get("PYTHONPATH"))))
        own = {"AGENTNET_HOME": str(folder / "home"), "PYTHONPATH": paths}
        everything = {**os.environ, **own, **environment}
        where = "--network", network, "--store", str(folder / "store.db"), "--port", "0"
        log = folder / "log"
        with log.open("wb") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "agentnet", "serve", *where, "--json", *options],
                stdout=subprocess.PIPE,
                stderr=errors,
                env=everything,
                text=True,
            )
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            data = json.loads(first) if first else {}
            if "url" not in data:
                raise RuntimeError(f"agentnet serve did not start: {first}{log.read_text(encoding='utf-8')}")
            yield Served(data["url"], folder, everything)
        finally:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.communicate(timeout=ENDING)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
