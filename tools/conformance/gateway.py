"""A gateway in a process of its own, as ``agentnet serve`` starts it."""

from __future__ import annotations

import asyncio
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

from agentnet.store import Database
from agentnet.store.keys import Keys

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
    key: str = ""
    """A key of its callers; empty where it wants none."""

    @property
    def store(self) -> Path:
        return self.folder / "store.db"


@contextmanager
def served(*options: str, network: str = "zoo", keyed: bool = False, **environment: str) -> Iterator[Served]:
    """Start a gateway on a free port of this machine, with a new store, and end it as a supervisor would.

    `options` are those of ``agentnet serve``; a `keyed` gateway wants a key of its callers, and has one. Raises
    `RuntimeError` with its words if it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="agentnet-conformance-") as name:
        folder = Path(name)
        paths = os.pathsep.join(filter(None, (str(CHECKOUT), os.environ.get("PYTHONPATH"))))
        own = {"AGENTNET_HOME": str(folder / "home"), "PYTHONPATH": paths}
        everything = {**os.environ, **own, **environment}
        store = folder / "store.db"
        key = asyncio.run(_new_key(store)) if keyed else ""
        where = "--network", network, "--store", str(store), "--port", "0"
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
            yield Served(data["url"], folder, everything, key)
        finally:
            process.send_signal(signal.SIGTERM)
            ended(process)


async def _new_key(store: Path) -> str:
    async with await Database.open(store) as database:
        key, _ = await Keys(database).create("conformance")
    return key


def ended(process: subprocess.Popen[str]) -> None:
    """Wait until a server ends that was told to, or whose input ends now; kill one that does not."""
    try:
        process.communicate(timeout=ENDING)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
