"""One budget of threads for all engines of a machine.

Two contexts that both use every core run at a third of their speed, or worse. So the cores are divided among the
engines that are at work at this moment: one engine alone has all cores, and two have half of them each, from their next
step on.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path


class ThreadBudget:
    """Divides `cores` among the engines at work. Reading `share` is cheap enough for every step."""

    def __init__(self, cores: int) -> None:
        self._cores = cores
        self._lock = threading.Lock()
        self._working = 0
        self._fixed = 0
        self.share = cores
        """Threads for each engine that is at work and has no fixed number of its own."""

    def enter(self, fixed: int | None = None) -> None:
        """Count an engine that starts to work, with a `fixed` number of threads where its spec sets one."""
        self._change(1, fixed)

    def leave(self, fixed: int | None = None) -> None:
        """Count an engine that stops working; `fixed` as at `enter`."""
        self._change(-1, fixed)

    def _change(self, by: int, fixed: int | None) -> None:
        with self._lock:
            if fixed is None:
                self._working += by
            else:
                self._fixed += by * fixed
            self.share = max(1, (self._cores - self._fixed) // max(1, self._working))


_SOFT = 1
"""OpenMP's `omp_pause_soft`: the threads end, settings stay."""


def end_team() -> None:
    """End the worker threads that OpenMP keeps for the calling thread; the next step starts them again.

    OpenMP gives each thread that computes a team of its own, and counts idle teams too. As soon as the threads of all
    teams outnumber the cores, waiting threads sleep instead of spinning, in every team: two engines that take turns
    then run far below their speed. Does nothing where llama.cpp was built without OpenMP.
    """
    _pause()(_SOFT)


@cache
def _pause() -> Callable[[int], object]:
    found = find_spec("llama_cpp")
    folder = Path(found.origin or "").parent / "lib" if found else Path()
    for file in folder.glob("*ggml-cpu*"):
        try:  # a handle also finds what the library itself depends on
            return ctypes.CDLL(str(file)).omp_pause_resource_all
        except (OSError, AttributeError):
            continue
    return lambda _: None
