"""``python -m benchmarks.living.queued``: what a run costs the coordinator while more and more of them wait.

A thousand nodes are registered, which serve ten members; their models are simulated and take no time, but each node
serves two requests at once and the others wait. Runs (votes, debates, series) are queued all at once; `--together` of
them are under way at a time (0: all). Reported is the processor time of this process for each run. Runs that are all
under way at once cost more, the more there are: all that they hold is walked by the garbage collector.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

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


async def seconds_of_a_run(nodes: int, runs: int, together: int) -> float:
    """Return the processor seconds of each of some queued runs, `together` of which are under way at a time."""
    coordinator = Coordinator(simulated_network(nodes))
    protocols = [
        ProtocolSpec.model_validate({"name": f"p{number}", "summary": "simulated", "protocol": protocol})
        for number, protocol in enumerate(PROTOCOLS)
    ]
    for protocol in protocols:
        await coordinator.run(Task(text="warm up"), protocol)
    under_way = asyncio.Semaphore(together or runs)

    async def answer(number: int) -> str | None:
        async with under_way:
            task = Task(text=f"What is {number} + 4?")
            return (await coordinator.run(task, protocols[number % len(protocols)])).answer

    gc.collect()
    started = time.process_time()
    answers = await asyncio.gather(*map(answer, range(runs)))
    seconds = time.process_time() - started
    assert set(answers) == {"4"}, "a run has no answer"
    return seconds / runs


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.living.queued", description=__doc__)
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--runs", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--together", type=int, default=50, help="runs under way at a time; 0: all")
    chosen = parser.parse_args()
    table = Table(title=f"{chosen.nodes} nodes", title_justify="left")
    for name in ("runs queued", "ms of processor a run", "against the row before"):
        table.add_column(name, justify="right")
    before = None
    for runs in chosen.runs:
        seconds = asyncio.run(seconds_of_a_run(chosen.nodes, runs, chosen.together))
        growth = "" if before is None else f"{seconds / before - 1:+.1%}"
        table.add_row(str(runs), f"{1e3 * seconds:.2f}", growth)
        before = seconds
    Console().print(table)


if __name__ == "__main__":
    main()
