"""One budget of threads for all engines of the process.

Two contexts that each use every core run at a third of their speed in turn, or worse. So the cores are divided among
the engines that are at work at this moment: one alone has all of them, and two have half each, from their next step
on.
"""

from __future__ import annotations

import threading

from agentnet.models.devices import physical_cores


class ThreadBudget:
    """Divides `cores` among those at work. Reading `share` is cheap enough for every step."""

    def __init__(self, cores: int) -> None:
        self._cores = cores
        self._lock = threading.Lock()
        self._working = 0
        self._fixed = 0
        self.share = cores
        """Threads for each engine that is at work and has no fixed number of its own."""

    def enter(self, fixed: int | None = None) -> None:
        """An engine starts to work; with a `fixed` number of threads where its spec says so."""
        self._change(1, fixed)

    def leave(self, fixed: int | None = None) -> None:
        self._change(-1, fixed)

    def _change(self, by: int, fixed: int | None) -> None:
        with self._lock:
            if fixed is None:
                self._working += by
            else:
                self._fixed += by * fixed
            self.share = max(1, (self._cores - self._fixed) // max(1, self._working))


BUDGET = ThreadBudget(physical_cores())
