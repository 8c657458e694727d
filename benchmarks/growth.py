"""``python -m benchmarks.growth``: what a process that runs for weeks keeps. Nothing may grow with the cycles.

Two things are repeated: opening and closing a network of real models with one question in between, and runs on one open
session, every other one of them cancelled. After a warm-up, resident memory, threads, open files and Python objects are
shown at a few points; the last line is the growth from the first point to the last.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import tempfile
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

import agentnet
from agentnet import AgentSpec, NetworkSpec, Session
from agentnet.zoo import catalog
from benchmarks.memory import resident_mib

MEMBERS = ("atlas", "math", "sage")
QUESTION = "What is 347 + 285?"
DEBATE = {"debate": {"members": list(MEMBERS), "rounds": 2, "stop": "never"}}
POINTS = 6
WARM_UP = 0.2
"""Share of the cycles before the first point."""


@dataclass(frozen=True)
class Point:
    """What the process holds after some cycles."""

    cycles: int
    mib: float
    threads: int
    files: int
    objects: int


def point(cycles: int) -> Point:
    """What is held now."""
    mib = resident_mib()
    files = len(list(Path("/proc/self/fd").iterdir()))
    return Point(cycles, mib, threading.active_count(), files, len(gc.get_objects()))


def small_network() -> NetworkSpec:
    members: tuple[AgentSpec, ...] = tuple(agent for agent in catalog.network().agents if agent.name in MEMBERS)
    return NetworkSpec(name="three", agents=members)


async def opened_and_closed(store: Path, count: int) -> AsyncIterator[int]:
    """Open a network with its storage, ask once, close: `count` times."""
    for cycle in range(1, count + 1):
        async with agentnet.open(small_network(), store=store) as session:
            outcome = await session.run(QUESTION, "{ask: math}", label="math")
            assert outcome.answer == "632", outcome.detail
        yield cycle


async def runs(store: Path, count: int) -> AsyncIterator[int]:
    """Runs on one session; every other one is cancelled while it goes on."""
    async with agentnet.open(small_network(), store=store) as session:
        for cycle in range(1, count + 1):
            if cycle % 2:
                outcome = await session.run(QUESTION, DEBATE, label="math")
                assert outcome.answer == "632", outcome.detail
            else:
                await _cancelled(session)
            yield cycle


async def _cancelled(session: Session) -> None:
    events = session.stream(QUESTION, DEBATE, label="math")
    async for event in events:
        if event.kind == "message" and event.message.sender in MEMBERS:
            break
    await events.aclose()  # type: ignore[attr-defined]


async def points_of(cycles: AsyncIterator[int], count: int) -> list[Point]:
    first = max(1, int(count * WARM_UP))
    marks = {first + (count - first) * index // (POINTS - 1) for index in range(POINTS)}
    return [point(cycle) async for cycle in cycles if cycle in marks]


def show(title: str, points: list[Point], console: Console) -> None:
    table = Table(title=title, title_justify="left")
    for name in ("cycles", "resident MiB", "threads", "files", "Python objects"):
        table.add_column(name, justify="right")
    for each in points:
        table.add_row(str(each.cycles), f"{each.mib:.1f}", str(each.threads), str(each.files), str(each.objects))
    first, last = points[0], points[-1]
    table.add_section()
    table.add_row(
        f"+{last.cycles - first.cycles}",
        f"{last.mib - first.mib:+.1f}",
        f"{last.threads - first.threads:+d}",
        f"{last.files - first.files:+d}",
        f"{last.objects - first.objects:+d}",
    )
    console.print(table)


async def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--cycles", type=int, default=1000, help="networks opened and closed")
    parser.add_argument("--runs", type=int, default=2000, help="runs on one session")
    chosen = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        found = await points_of(opened_and_closed(Path(folder) / "a.db", chosen.cycles), chosen.cycles)
        show("A network opened and closed", found, console)
        found = await points_of(runs(Path(folder) / "b.db", chosen.runs), chosen.runs)
        show("Runs on one session, every other one cancelled", found, console)


if __name__ == "__main__":
    asyncio.run(main())
