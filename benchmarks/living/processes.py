"""The processes of a real network on this machine: a hub, and nodes that can be killed and started again."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NETWORK = "living"
OWN = f"name: {NETWORK}\nagents:\n  - {{name: critic, model: 'zoo:critic'}}\n"
"""The network file: its own member is no solver, so that every answer comes from a node."""
SOLVERS = ("atlas", "math", "sage")
STARTING = 120.0
"""Seconds that a process may take to be ready."""


async def started(*arguments: str, log: Path) -> tuple[asyncio.subprocess.Process, dict[str, Any]]:
    """Start ``agentnet`` with some arguments, and return it with the JSON line that says that it is ready.

    A process that does not become ready is killed.
    """
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "agentnet", *arguments, "--json", stdout=asyncio.subprocess.PIPE, stderr=errors
        )
    assert process.stdout is not None
    try:
        said: dict[str, Any] = json.loads(await asyncio.wait_for(process.stdout.readline(), STARTING) or "{}")
        if "error" in said or not said:
            why = said["error"]["message"] if said else log.read_text(encoding="utf-8")
            raise SystemExit(f"agentnet {arguments[0]} did not start: {why}")
    except BaseException:
        await killed(process)
        raise
    return process, said


async def killed(process: asyncio.subprocess.Process) -> None:
    """End a process as a crash would: it can say nothing any more."""
    if process.returncode is None:
        process.send_signal(signal.SIGKILL)
        await process.wait()


@dataclass
class Farm:
    """A hub and some nodes, each of which offers two of the zoo's solvers: every solver has replicas."""

    folder: Path
    lease: float
    nodes: int
    hub: asyncio.subprocess.Process | None = None
    url: str = ""
    processes: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)
    kills: dict[str, float] = field(default_factory=dict)
    """Node → when it was killed last, by the monotonic clock."""
    killed: int = 0
    restarts: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def store(self) -> Path:
        return self.folder / "store.db"

    @property
    def network(self) -> Path:
        return self.folder / f"{NETWORK}.yaml"

    @property
    def names(self) -> list[str]:
        return [f"node-{number}" for number in range(self.nodes)]

    async def start(self) -> None:
        self.network.write_text(OWN, encoding="utf-8")
        await self.start_hub()
        for name in self.names:
            await self.start_node(name)

    async def start_hub(self) -> None:
        """Start the hub, at the port that it had before if it was there before."""
        port = self.url.rpartition(":")[2] or "0"
        where = "--network", str(self.network), "--store", str(self.store)
        lease = "--lease", f"{self.lease:g}"
        self.hub, said = await started("serve", *where, *lease, "--port", port, log=self.folder / "hub.log")
        self.url = said["url"]

    async def start_node(self, name: str) -> None:
        number = self.names.index(name)
        offers = [option for shift in (0, 1) for option in ("--offer", SOLVERS[(number + shift) % len(SOLVERS)])]
        key = str(self.folder / f"{name}.key")
        self.processes[name], _ = await started(
            "join", self.url, "--network", "zoo", "--name", name, "--key", key, *offers, log=self.folder / f"{name}.log"
        )

    async def kill(self, name: str) -> None:
        """Kill a node."""
        process = self.processes.pop(name)
        self.kills[name] = time.monotonic()
        self.killed += 1
        await killed(process)

    async def kill_one_after_the_other(self, every: float, draw: random.Random) -> None:
        """Kill a node that is there every few seconds, and start it again at once, until cancelled."""
        while True:
            await asyncio.sleep(every)
            if len(self.processes) > 1:
                name = draw.choice(sorted(self.processes))
                await self.kill(name)
                task = asyncio.create_task(self.start_node(name))
                self.restarts.add(task)
                task.add_done_callback(self.restarts.discard)

    async def end(self) -> None:
        """Kill everything that is left."""
        for task in self.restarts:
            task.cancel()
        await asyncio.gather(*self.restarts, return_exceptions=True)
        left = [*self.processes.values(), *([self.hub] if self.hub else [])]
        await asyncio.gather(*map(killed, left))
