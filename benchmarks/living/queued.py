"""``python -m benchmarks.living.queued``: what a run costs the coordinator while more and more of them wait.

A thousand nodes are registered, which serve ten members; their models are simulated and take no time, but each node
serves two requests at once and the others wait. Runs (votes, debates, series) wait in a queue, and `--together` of them
are under way at a time, as in a service. For each run that is taken another is queued, so that every queue keeps its
length, and as many runs are under way at its last run as at its first. With `--together 0`, all runs of a queue are
under way at once, and the next queue follows when all of them have ended.

Each length has a process of its own, so that none holds the runs of another. They take turns, block by block, so that
all see the same other load of the machine. Reported is the processor time of a run, and how much of it passed between
the start and the end of garbage collections: full ones are rare, so measure at least a thousand runs.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from multiprocessing.connection import Connection

from rich.console import Console
from rich.table import Table

from agentnet.agents import ModelAgent
from agentnet.contracts.bodies import Task
from agentnet.contracts.cards import Card
from agentnet.contracts.network import AgentSpec, NetworkSpec
from agentnet.contracts.nodes import Load, NodeRecord, NodeSpec, Offer
from agentnet.contracts.protocols import ProtocolSpec
from agentnet.contracts.usage import Usage
from agentnet.coordinator import Coordinator
from agentnet.models.base import Chunk, Completion, ModelCapabilities, Request
from agentnet.models.node.directory import Directory
from agentnet.models.node.prefixes import Prompt
from agentnet.network import Network
from agentnet.prompts import find_pack

MEMBERS = tuple(f"member-{number}" for number in range(10))
SLOTS = 2
BLOCK = 100
"""Runs that one process serves before it is another's turn."""
PROTOCOLS = (
    {"parallel": {"branches": list(MEMBERS[:5]), "decide": "majority"}},
    {"debate": {"members": list(MEMBERS[4:7]), "rounds": 2, "stop": "never"}},
    {"serial": {"steps": list(MEMBERS[7:])}},
)


class SimulatedModel:
    """A member on the nodes of a directory; each node replies at once to the requests that it has a slot for."""

    capabilities = ModelCapabilities(context=None, schema=True, logprobs=True)

    def __init__(self, name: str, directory: Directory, slots: dict[str, asyncio.Semaphore]) -> None:
        self.name, self._directory, self._slots = name, directory, slots

    async def generate(self, request: Request) -> Completion:
        prompt = Prompt.of_messages(request.messages)
        endpoint = self._directory.choose(self.name, self.name, prompt)
        assert endpoint is not None, "no node fails here"
        with self._directory.using(endpoint, prompt):
            async with self._slots[endpoint.key]:
                await asyncio.sleep(0)
        return Completion("so it is => 4", "stop", Usage(calls=1, prompt_tokens=prompt.tokens, completion_tokens=4))

    async def stream(self, request: Request) -> AsyncIterator[Chunk]:
        completion = await self.generate(request)
        yield Chunk(completion.text, completion)

    async def close(self) -> None:
        """Nothing to release."""


def records(count: int) -> list[NodeRecord]:
    """Return the records of `count` nodes, each of which serves one of the members."""
    now = datetime.now(UTC)
    return [
        NodeRecord(
            key=f"key-{number}",
            name=f"node-{number}",
            url="https://nowhere.invalid",
            state="active",
            offers=(Offer(name=MEMBERS[number % len(MEMBERS)], digest=MEMBERS[number % len(MEMBERS)]),),
            load=Load(slots=SLOTS),
            joined=now,
            heard=now,
            until=now + timedelta(seconds=15),
        )
        for number in range(count)
    ]


def simulated_network(nodes: int) -> Network:
    directory = Directory(seed=1)
    directory.update(records(nodes))
    slots: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(SLOTS))
    specs = tuple(AgentSpec(name=name, model=NodeSpec(member=name, digest=name), pack="compact") for name in MEMBERS)
    pack = find_pack("compact")
    agents = [ModelAgent(name, SimulatedModel(name, directory, slots), Card(), pack) for name in MEMBERS]
    return Network(NetworkSpec(name="simulated", agents=specs), agents)


@dataclass(frozen=True, slots=True)
class Cost:
    """Processor seconds of some runs."""

    seconds: float = 0.0
    collecting: float = 0.0
    """Those of them that the garbage collector took."""

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.seconds + other.seconds, self.collecting + other.collecting)


class Meter:
    """Tells the parent the cost of each block of runs, and stands still until the parent wants the next one."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._served = 0
        self._collecting = self._collection = self._started = 0.0
        gc.callbacks.append(self._collects)
        self._wait()

    def served(self) -> None:
        """Count a run."""
        self._served += 1
        if self._served % BLOCK == 0:
            self._pipe.send(Cost(time.process_time() - self._started, self._collecting))
            self._wait()

    def _wait(self) -> None:
        self._pipe.recv()
        self._collecting, self._started = 0.0, time.process_time()

    def _collects(self, phase: str, _: Mapping[str, int]) -> None:
        if phase == "start":
            self._collection = time.process_time()
        else:
            self._collecting += time.process_time() - self._collection


def serve(pipe: Connection, nodes: int, runs: int, together: int) -> None:
    """Serve a queue of a length until the process is ended."""
    asyncio.run(_serve(pipe, nodes, runs, together))


async def _serve(pipe: Connection, nodes: int, runs: int, together: int) -> None:
    coordinator = Coordinator(simulated_network(nodes))
    protocols = [
        ProtocolSpec.model_validate({"name": f"p{number}", "summary": "simulated", "protocol": protocol})
        for number, protocol in enumerate(PROTOCOLS)
    ]
    for protocol in protocols:
        await coordinator.run(Task(text="warm up"), protocol)
    gc.collect()
    pipe.send(None)
    meter = Meter(pipe)

    async def work(queue: asyncio.Queue[int]) -> None:
        while not queue.empty():
            number = queue.get_nowait()
            if together:
                queue.put_nowait(number + runs)
            task = Task(text=f"What is {number} + 4?")
            outcome = await coordinator.run(task, protocols[number % len(protocols)])
            assert outcome.answer == "4", "a run has no answer"
            meter.served()

    while True:
        queue: asyncio.Queue[int] = asyncio.Queue()
        for number in range(runs):
            queue.put_nowait(number)
        await asyncio.gather(*(work(queue) for _ in range(together or runs)))


def turns(queues: Sequence[int], served: int, *, whole: bool) -> list[int]:
    """Return the lengths of queues in the order in which they serve a block, each spread evenly over the whole time.

    `whole`: queues are served to their end.
    """
    draw = random.Random(1)
    places: list[tuple[float, int]] = []
    for runs in queues:
        blocks = max(1, (-(-served // runs) * runs if whole else served) // BLOCK)
        places += [((place + draw.random()) / blocks, runs) for place in range(blocks)]
    return [runs for _, runs in sorted(places)]


def costs_of_a_run(nodes: int, queues: Sequence[int], together: int, served: int) -> dict[int, Cost]:
    """Return the cost of a run by the length of the queue that it waited in."""
    context = get_context("fork")  # one hash seed for all; spawned processes differed by a tenth
    pipes: dict[int, Connection] = {}
    processes = []
    for runs in queues:
        pipes[runs], other = context.Pipe()
        processes.append(context.Process(target=serve, args=(other, nodes, runs, together), daemon=True))
        processes[-1].start()
        other.close()
    try:
        for pipe in pipes.values():
            pipe.recv()
        order = turns(queues, served, whole=not together)
        costs = dict.fromkeys(queues, Cost())
        for runs in order:
            pipes[runs].send(None)
            costs[runs] += pipes[runs].recv()
    finally:
        for process in processes:
            process.terminate()
            process.join()
    count = {runs: order.count(runs) * BLOCK for runs in queues}
    return {runs: Cost(cost.seconds / count[runs], cost.collecting / count[runs]) for runs, cost in costs.items()}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.living.queued", description=__doc__)
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--runs", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--together", type=int, default=50, help="runs under way at a time; 0: all, in whole queues")
    parser.add_argument("--served", type=int, default=10_000, help="runs that are measured of each length")
    chosen = parser.parse_args()
    table = Table(title=f"{chosen.nodes} nodes", title_justify="left")
    for name in (
        "runs queued",
        "ms of processor a run",
        "of it collecting",
        "against the row before",
        "without collecting",
    ):
        table.add_column(name, justify="right")
    before: Cost | None = None
    for runs, cost in costs_of_a_run(chosen.nodes, sorted(set(chosen.runs)), chosen.together, chosen.served).items():
        growth, without = "", ""
        if before is not None:
            growth = f"{cost.seconds / before.seconds - 1:+.1%}"
            without = f"{(cost.seconds - cost.collecting) / (before.seconds - before.collecting) - 1:+.1%}"
        table.add_row(str(runs), f"{1e3 * cost.seconds:.2f}", f"{1e3 * cost.collecting:.2f}", growth, without)
        before = cost
    Console().print(table)


if __name__ == "__main__":
    main()
