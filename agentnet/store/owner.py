"""Which process works on a run, and whether it still lives: a run whose process died was interrupted."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

PROC = Path("/proc")
_ENDED = "ZX"
"""States in ``/proc/PID/stat`` of a process that never runs again: a zombie until its parent asks for it, or dead."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A process, so exactly that no other one is taken for it. The store keeps it as text: ``HOST PID STARTED``."""

    host: str
    """The machine's name; on Linux with the number of the PID namespace, because a container counts its own."""
    pid: int
    started: str
    """The boot and the clock tick at which it started; empty where there is no ``/proc`` to tell."""

    @classmethod
    def parse(cls, text: str) -> Owner:
        """Read the stored text. The state of an owner in another form is unknown."""
        match text.rsplit(" ", 2):
            case [host, pid, started] if pid.isdecimal():
                return cls(host, int(pid), started)
            case _:
                return cls(text, 0, "")

    def __str__(self) -> str:
        return f"{self.host} {self.pid} {self.started}"

    def describe(self) -> str:
        """Return what messages call it: ``process 71 on box``."""
        return f"process {self.pid} on {self.host.partition('/')[0]}"

    def state(self) -> Literal["alive", "dead", "unknown"]:
        """Return whether the process lives, as far as this one can know: of another host it cannot."""
        if self.host != this_process().host or sys.platform == "win32":  # there, signal 0 is Ctrl-C
            return "unknown"
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return "dead"
        except PermissionError:
            pass  # it lives, under another user
        started = _started(self.pid)
        return "alive" if started in (None, self.started) else "dead"


def this_process() -> Owner:
    """Return the process that this code runs in."""
    return _owner(os.getpid())


@cache
def _owner(pid: int) -> Owner:
    host = socket.gethostname()
    with suppress(OSError):  # not on Linux
        host += "/" + os.readlink(PROC / "self/ns/pid").strip("pid:[]")
    return Owner(host, pid, _started(pid) or "")


def _started(pid: int) -> str | None:
    """Return when a process started: never the same for two that have one PID. None where that cannot be read.

    Of a process that has ended, and whose number is still taken, the time is empty.
    """
    try:
        stat = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        boot = (PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # behind the command's name, which may hold spaces and brackets
    state, ticks = fields[0], fields[19]
    return "" if state in _ENDED else f"{boot}:{ticks}"
