"""A gateway in a process of its own that can be killed and started again, and is measured from outside."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

STARTING, ENDING = 120.0, 60.0
"""Seconds that the process may take to be ready, and to end."""


@dataclass
class Server:
    """``agentnet serve`` on a folder's store. `options` are more of its options."""

    folder: Path
    options: tuple[str, ...] = ()
    url: str = ""
    starts: int = 0
    process: asyncio.subprocess.Process | None = None
    resident: list[tuple[int, float, float]] = field(default_factory=list)
    """Which start, seconds since it, MiB of memory."""
    _since: float = 0.0

    @property
    def store(self) -> Path:
        return self.folder / "store.db"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    async def start(self) -> None:
        """Start the process, and wait until it is ready. Raises `SystemExit` with its words if it does not start."""
        port = self.url.rpartition(":")[2] or "0"
        where = ("--port", port, "--store", str(self.store), "--json", *self.options)
        with self.log.open("ab") as errors:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "benchmarks.serving.watched", str(self._tasks), "serve", *where),
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                env={**os.environ, "AGENTNET_HOME": str(self.folder / "home")},
            )
        assert self.process.stdout is not None
        said = json.loads(await asyncio.wait_for(self.process.stdout.readline(), STARTING) or "{}")
        if "url" not in said:
            raise SystemExit(f"agentnet serve did not start: {self.log.read_text(encoding='utf-8')}")
        self.url, self.starts, self._since = said["url"], self.starts + 1, time.monotonic()

    async def kill(self) -> None:
        """End the process as a crash would."""
        await self._ended(signal.SIGKILL)

    async def end(self) -> int:
        """End the process as a supervisor would; returns its exit code."""
        return await self._ended(signal.SIGTERM)

    async def _ended(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), ENDING)

    async def tasks(self) -> dict[str, int]:
        """Return what the process's tasks run → how many."""
        assert self.process is not None
        self._tasks.unlink(missing_ok=True)
        self.process.send_signal(signal.SIGUSR1)
        async with asyncio.timeout(ENDING):
            while not self._tasks.exists():
                await asyncio.sleep(0.05)
        found: dict[str, int] = json.loads(self._tasks.read_text(encoding="utf-8"))
        return found

    def look(self) -> None:
        """Note the memory of the process."""
        assert self.process is not None
        try:
            pages = int(Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1])
        except OSError:
            return  # it is being started again
        mebibytes = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
        self.resident.append((self.starts, time.monotonic() - self._since, mebibytes))

    def files(self) -> int:
        """Return how many files and connections the process has open."""
        assert self.process is not None
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    @property
    def _tasks(self) -> Path:
        return self.folder / "tasks.json"

    def growth(self) -> dict[str, Any]:
        """Return the memory of the last start: after its first quarter, and at its end, as medians of a tenth."""
        last = [mebibytes for start, _, mebibytes in self.resident if start == self.starts]
        tenth = max(1, len(last) // 10)
        early = sorted(last[len(last) // 4 :][:tenth])
        late = sorted(last[-tenth:])
        return {"early": early[len(early) // 2], "late": late[len(late) // 2]}
