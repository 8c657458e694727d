"""``python -m benchmarks.living.soak``: five node processes, one killed (-9) every two seconds under load.

Every node offers two of the zoo's solvers and comes back after it was killed. Runs of several protocols are asked of
the network meanwhile: none may be lost, doubled, or left without an answer. Then a node is killed for good, to see when
it is noticed; and hub and coordinator are killed with runs under way, come back, find the nodes, and resume the runs.
The exit code is 1 if anything of this fails.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import agentnet
from agentnet import Session
from agentnet.contracts.bodies import Error
from agentnet.contracts.messages import Message
from agentnet.contracts.nodes import PRESENT
from agentnet.contracts.runs import RunRecord
from agentnet.models.node.directory import Directory, Endpoint
from benchmarks.living.processes import SOLVERS, Farm

PROTOCOLS = ("best", "vote", "debate")
LEFT = "left"
"""What the runs of the coordinator that is killed are called."""
TOGETHER = 8
"""Runs at the same time."""
SWITCHED_WITHIN = 1.0
"""Seconds from the failure of a node until a request that it had is given up."""


@dataclass
class Switches:
    """How long requests stayed with nodes that were killed."""

    farm: Farm
    seconds: list[float] = field(default_factory=list)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watch the requests of this process inside."""
        using, failed = Directory.using, Directory.failed
        begun: dict[asyncio.Task[Any] | None, float] = {}

        def noted(directory: Directory, endpoint: Endpoint, *rest: Any) -> Any:
            begun[asyncio.current_task()] = time.monotonic()
            return using(directory, endpoint, *rest)

        def measured(directory: Directory, endpoint: Endpoint) -> None:
            since = begun.get(asyncio.current_task())
            killed = self.farm.kills.get(endpoint.node)
            if since is not None and killed is not None:
                self.seconds.append(time.monotonic() - max(since, killed))
            failed(directory, endpoint)

        Directory.using, Directory.failed = noted, measured  # type: ignore[method-assign, assignment]
        try:
            yield
        finally:
            Directory.using, Directory.failed = using, failed  # type: ignore[method-assign]


@dataclass
class Tally:
    """What became of the runs."""

    runs: int = 0
    answered: int = 0
    right: int = 0
    doubled: int = 0
    billed_twice: int = 0
    taken_over: int = 0
    unanswered: list[str] = field(default_factory=list)
    nodes: Counter[str] = field(default_factory=Counter)

    def add(self, run: str, answer: str | None, wanted: str, messages: list[Message], detail: str) -> None:
        self.runs += 1
        self.answered += answer is not None
        self.right += answer == wanted
        if answer is None:
            self.unanswered.append(f"{run}: {detail}")
        turns = Counter((message.node, message.round, message.sender) for message in messages)
        self.doubled += sum(count - 1 for count in turns.values())
        self.billed_twice += sum(
            message.usage.calls > (0 if isinstance(message.body, Error) else 1)
            for message in messages
            if message.sender in SOLVERS
        )
        self.taken_over += sum(message.instead_of is not None for message in messages)
        self.nodes.update(message.served_by for message in messages if message.served_by is not None)


def question(number: int) -> tuple[str, str]:
    """Return a question that the zoo's solvers know, and its answer."""
    draw = random.Random(number)
    left, right = draw.randint(10, 99), draw.randint(10, 99)
    return f"What is {left} + {right}?", str(left + right)


async def asked(session: Session, name: str, count: int) -> None:
    """Ask `count` questions, several at a time; runs are named ``name-NUMBER``."""
    waiting = iter(range(count))

    async def one_after_the_other() -> None:
        for number in waiting:
            text, _ = question(number)
            await session.run(text, PROTOCOLS[number % len(PROTOCOLS)], label="math", run=f"{name}-{number}")

    await asyncio.gather(*(one_after_the_other() for _ in range(TOGETHER)))


async def tally(session: Session, name: str, count: int) -> Tally:
    """Return what the store says of the runs of a name."""
    found = Tally()
    for number in range(count):
        run = f"{name}-{number}"
        record = await session.runs.record(run)
        if record.status == "running":
            found.unanswered.append(f"{run}: it is still running")
        messages = await session.runs.messages(run)
        found.add(run, record.answer, question(number)[1], messages, record.detail)
    return found


async def everybody(session: Session) -> None:
    """Wait until all solvers are in the network."""
    async with asyncio.timeout(60):
        while not set(SOLVERS) <= set(session.network.agents):
            await asyncio.sleep(0.1)


async def noticed(session: Session, farm: Farm) -> float:
    """Kill a node for good, and return the seconds until the network knows that it is gone."""
    name = sorted(farm.processes)[0]
    await farm.kill(name)
    started = time.monotonic()
    while any(node.name == name and node.state in PRESENT for node in await session.roster.nodes()):
        await asyncio.sleep(0.05)
    return time.monotonic() - started


async def begun(session: Session, count: int) -> list[RunRecord]:
    """Return the runs that the coordinator that is killed began."""
    return [record for record in await session.runs.latest(count) if record.id.startswith(f"{LEFT}-")]


async def coordinator(network: str, store: str, count: int) -> None:
    """The coordinator that is killed, as a process of its own: it says when it is half through."""
    async with agentnet.open(network, store=store) as session:
        await everybody(session)
        work = asyncio.create_task(asked(session, LEFT, count))
        while len(await begun(session, count)) < count // 2 and not work.done():
            await asyncio.sleep(0.02)
        print("half", flush=True)
        await work


async def came_back(farm: Farm, count: int) -> tuple[Tally, int]:
    """Kill hub and coordinator with runs under way, start both again, and return what became of the runs, and how many
    were resumed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.living.soak", "--coordinator", str(farm.network), str(farm.store)),
        *("--runs", str(count)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    await process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    await process.wait()
    assert farm.hub is not None
    farm.hub.send_signal(signal.SIGKILL)
    await farm.hub.wait()
    await farm.start_hub()
    resumed = 0
    async with agentnet.open(farm.network, store=farm.store) as session:
        await everybody(session)
        for record in (left := await begun(session, count)):
            if record.status == "interrupted":
                await session.resume(record.id)
                resumed += 1
        found = Tally()
        for record in left:
            now = await session.runs.record(record.id)
            wanted = question(int(record.id.partition("-")[2]))[1]
            found.add(record.id, now.answer, wanted, await session.runs.messages(record.id), now.detail)
    return found, resumed


async def soak(runs: int, every: float, lease: float, nodes: int, console: Console) -> bool:
    """Do all of it, show it, and return whether everything is as it must be."""
    with tempfile.TemporaryDirectory() as folder:
        farm = Farm(Path(folder), lease, nodes)
        switches = Switches(farm)
        try:
            await farm.start()
            async with agentnet.open(farm.network, store=farm.store) as session:
                await everybody(session)
                started = time.monotonic()
                killer = asyncio.create_task(farm.kill_one_after_the_other(every, random.Random(1)))
                with switches.watched():
                    await asked(session, "soak", runs)
                seconds = time.monotonic() - started
                kills = farm.killed
                killer.cancel()
                await asyncio.gather(killer, *farm.restarts, return_exceptions=True)
                found = await tally(session, "soak", runs)
                detection = await noticed(session, farm)
            back, resumed = await came_back(farm, 24)
        finally:
            await farm.end()
    slowest = max(switches.seconds, default=0.0)
    table = Table(title=f"{nodes} nodes, one killed every {every:g} s, {runs} runs", title_justify="left")
    table.add_column("")
    table.add_column("", justify="right")
    median = statistics.median(switches.seconds) if switches.seconds else 0.0
    for name, value in (
        ("seconds", f"{seconds:.0f}"),
        ("nodes killed", str(kills)),
        ("runs with an answer", f"{found.answered} of {runs}"),
        ("right", str(found.right)),
        ("turns recorded twice", str(found.doubled)),
        ("turns billed twice", str(found.billed_twice)),
        ("turns that another member took over", str(found.taken_over)),
        ("requests that a killed node failed", str(len(switches.seconds))),
        ("… given up after, median and most", f"{1e3 * median:.0f} ms, {1e3 * slowest:.0f} ms"),
        ("… of them after more than a second", str(sum(each > SWITCHED_WITHIN for each in switches.seconds))),
        (f"a killed node is known to be gone after (lease {lease:g} s)", f"{detection:.1f} s"),
        ("turns by node", ", ".join(f"{node} {count}" for node, count in sorted(found.nodes.items()))),
        ("runs under way when hub and coordinator were killed", str(resumed)),
        ("runs with an answer, after they came back", f"{back.answered} of {back.runs}"),
        ("turns recorded or billed twice", str(back.doubled + back.billed_twice)),
    ):
        table.add_row(name, value)
    console.print(table)
    for line in (*found.unanswered, *back.unanswered):
        console.print(f"without an answer: {line}", style="red", markup=False)
    return (
        not found.unanswered
        and not back.unanswered
        and resumed > 0
        and not (found.doubled or found.billed_twice or back.doubled or back.billed_twice)
        and slowest <= SWITCHED_WITHIN
        and detection <= lease + 1
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.living.soak", description=__doc__)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--every", type=float, default=2.0, help="seconds between two kills")
    parser.add_argument("--lease", type=float, default=15.0, help="seconds")
    parser.add_argument("--nodes", type=int, default=5)
    parser.add_argument("--coordinator", nargs=2, metavar=("NETWORK", "STORE"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.coordinator:
        network, store = chosen.coordinator
        asyncio.run(coordinator(network, store, chosen.runs))
        return
    well = asyncio.run(soak(chosen.runs, chosen.every, chosen.lease, chosen.nodes, Console()))
    sys.exit(0 if well else 1)


if __name__ == "__main__":
    main()
