"""What every fuzzer has in common: cases by number, each in a process of its own, and a verdict on how it ended."""

from __future__ import annotations

import os
import random
import resource
import select
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from agentnet.errors import AgentNetError

TIMEOUT = 60.0
"""Seconds after which a case counts as a hang. The slowest ones take a few."""
REFUSED, ACCEPTED, TRACEBACK, UNCLEAR, CRASH, HANG = "refused", "accepted", "traceback", "unclear", "crash", "hang"
BAD = (TRACEBACK, UNCLEAR, CRASH, HANG)
"""An error of another kind than AgentNet's own; one that is no clear line; the end of the process; no end."""
MEMORY = 8 * 2**30
"""Bytes of address space of a case: one mutated model file would take all there is."""
LONGEST = 1500
"""Characters that an error may have: a clear line names a file and a value, not its whole content."""


class Kind(Protocol):
    """One kind of input. A case is drawn from its number alone, so that it can be repeated."""

    name: str

    def write(self, draw: random.Random, folder: Path) -> tuple[Path, str]:
        """Write a mutated input into a folder; return its path and what was changed, in brief."""

    def use(self, path: Path) -> str:
        """Do with the input what a user would, in a process of its own, and return what came of it, in brief.

        Raises `AgentNetError` where it is refused.
        """


@dataclass(frozen=True)
class Ending:
    """How a case ended. `line` is the error, or what came of an input that was accepted."""

    number: int
    change: str
    verdict: str
    line: str

    def __str__(self) -> str:
        return f"{self.number}: {self.verdict} ({self.change}): {self.line}"


@dataclass
class Findings:
    """The endings of many cases."""

    verdicts: Counter[str] = field(default_factory=Counter)
    bad: list[Ending] = field(default_factory=list)

    def take(self, ending: Ending) -> None:
        self.verdicts[ending.verdict] += 1
        if ending.verdict in BAD:
            self.bad.append(ending)


def fuzz(kind: Kind, cases: Iterable[int], *, seed: int = 0, timeout: float = TIMEOUT) -> Iterator[Ending]:
    """Yield how each case ended, in order."""
    with TemporaryDirectory(prefix="agentnet-fuzz-") as folder:
        for number in cases:
            path, change = kind.write(random.Random(f"{kind.name} {seed} {number}"), Path(folder))
            verdict, line = _in_a_process(kind, path, Path(folder) / "errors", timeout)
            yield Ending(number, change, verdict, line)


def _in_a_process(kind: Kind, path: Path, errors: Path, timeout: float) -> tuple[str, str]:
    """Use an input in a copy of this process, which has everything imported already."""
    errors.write_bytes(b"")
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        _use(kind, path, errors, writing)
    os.close(writing)
    try:
        said = _read(reading, time.monotonic() + timeout)
    finally:
        os.close(reading)
    if said is None:
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return HANG, f"no end within {timeout:g} seconds"
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    verdict, _, line = said.partition(" ")
    if status or not verdict:
        last = " ".join(errors.read_text(errors="replace").split())[-300:]
        return CRASH, f"ended with {signal.Signals(-status).name if status < 0 else status} {line}{last}"
    return verdict, line


def _use(kind: Kind, path: Path, errors: Path, writing: int) -> None:
    """In the child: write the verdict, and end without what belongs to the parent."""
    os.setsid()  # with what it starts, for the parent to end together
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    os.dup2(os.open(errors, os.O_WRONLY), 2)
    try:
        said = f"{ACCEPTED} {kind.use(path)}"
    except AgentNetError as error:
        line = str(error)
        clear = "\n" not in line and 10 < len(line) < LONGEST
        said = f"{REFUSED if clear else UNCLEAR} {line}"
    except BaseException:
        said = f"{TRACEBACK} {traceback.format_exc()}"
    os.write(writing, said.encode(errors="replace")[:60_000])
    os._exit(0)


def _read(reading: int, end: float) -> str | None:
    """Return what the child writes until it ends; None where it does not end in time."""
    data = b""
    while select.select([reading], [], [], max(0.0, end - time.monotonic()))[0]:
        piece = os.read(reading, 65536)
        if not piece:
            return data.decode(errors="replace")
        data += piece
    return None


def report(kind: Kind, findings: Findings, *, shown: int = 40) -> int:
    """Print the numbers and the bad endings; return the exit code."""
    numbers = ", ".join(f"{count} {verdict}" for verdict, count in sorted(findings.verdicts.items()))
    sys.stdout.write(f"{kind.name}: {sum(findings.verdicts.values())} cases: {numbers}\n")
    for ending in findings.bad[:shown]:
        sys.stdout.write(f"✗ {ending}\n")
    return 1 if findings.bad else 0
