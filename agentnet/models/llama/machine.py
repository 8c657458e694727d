"""What the engines of one machine share: cores, memory, weights, and the order in which sessions decode together."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from agentnet.models.devices import physical_cores
from agentnet.models.llama.admission import Admission
from agentnet.models.llama.ledger import Ledger
from agentnet.models.llama.threads import ThreadBudget
from agentnet.models.llama.weights import OpenWeights

SWITCH_INTERVAL = 5e-5
"""Seconds. At Python's default of 5 ms, a busy Python thread would make every step wait that long for the
interpreter lock."""


class Machine:
    """The budgets of one machine. Engines that run on the same cores and memory are given the same object.

    A process has one of its own, `this_machine()`, and needs no other. A second object divides the cores and the memory
    a second time: that is for tests, and for a process that gets a part of the machine.
    """

    def __init__(self, *, cores: int | None = None, memory: Ledger | None = None) -> None:
        """`cores` are the threads to divide; None takes the physical cores that this process may use."""
        self.threads = ThreadBudget(physical_cores() if cores is None else cores)
        self.memory = Ledger() if memory is None else memory
        self.weights = OpenWeights()
        self.admission = Admission()
        self.switch_interval = _SWITCH_INTERVAL


def this_machine() -> Machine:
    """Return the machine that this process runs on, the same object at every call. The first call reads its sizes."""
    with _creating:
        return _create()


_creating = threading.Lock()


@cache
def _create() -> Machine:
    return Machine()


class SwitchInterval:
    """The interpreter's switch interval: short while at least one engine is open, restored when the last one closes.

    An interval that is shorter already stays, and so does one that the program sets while engines are open.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders = 0
        self._before = self._shortened = 0.0

    @contextmanager
    def shortened(self) -> Iterator[None]:
        """Hold the interval short. From any thread, any number of times."""
        with self._lock:
            self._holders += 1
            if self._holders == 1:
                self._before = sys.getswitchinterval()
                sys.setswitchinterval(min(self._before, SWITCH_INTERVAL))
                self._shortened = sys.getswitchinterval()
        try:
            yield
        finally:
            with self._lock:
                self._holders -= 1
                if not self._holders and sys.getswitchinterval() == self._shortened:
                    sys.setswitchinterval(self._before)


_SWITCH_INTERVAL = SwitchInterval()
"""Of every machine: a process that divides itself into several still has one interpreter."""
