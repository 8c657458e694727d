"""A run in a process of its own that can be killed at any moment, and be continued by another.

Used by the tests of resumption; the process is a fork of a server that has everything imported, so that a kill may come
after microseconds as well as after seconds.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from agentnet.contracts.bodies import Task
from agentnet.contracts.messages import Message
from agentnet.contracts.runs import OVER
from agentnet.coordinator import Coordinator
from agentnet.errors import BadInput
from agentnet.models.base import Request
from agentnet.network import Network, Registry, find_network
from agentnet.store import Database, Runs, open_checkpointer
from tests.scripted import agent, from_the_prompt, network, spec

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["agentnet.coordinator", "agentnet.store", "tests.coordinator.killable"])
RUN = "killed"
SCRIPTED = "scripted"


@dataclass(frozen=True, slots=True)
class Job:
    """What to run, in which folder. `network` is `SCRIPTED`, or a name or file that `find_network` knows."""

    folder: Path
    protocol: Any
    task: Task
    seed: int = 5
    network: str = SCRIPTED
    pause: float = 0.002
    """Seconds that a scripted model takes for a reply, to give the kill something to hit."""


def carry_out(job: Job, kill_after: int | None = None, rng: random.Random | None = None) -> bool:
    """Start the job's run, or continue it, in another process. Returns whether it came to its end.

    With `kill_after` the process gets SIGKILL at a random moment after that many events of this process.
    """
    ours, theirs = FORKS.Pipe(duplex=False)
    process = FORKS.Process(target=_work, args=(job, theirs))
    process.start()
    theirs.close()
    try:
        seen = 0
        while kill_after is None or seen < kill_after:
            ours.recv_bytes()
            seen += 1
        if rng is not None:
            time.sleep(rng.uniform(0, 3 * job.pause))  # anywhere between this event and some turns later
        process.kill()
    except EOFError:
        pass
    process.join()
    ours.close()
    assert process.exitcode in (0, -9), f"the run ended with exit code {process.exitcode}"
    return process.exitcode == 0


def _work(job: Job, events: Connection) -> None:
    asyncio.run(go_on(job, on_event=lambda _: events.send_bytes(b".")))


async def go_on(job: Job, on_event: Callable[[Any], None] | None = None) -> None:
    """Start the run, or continue it where it was."""
    protocol = spec(job.protocol)
    async with (
        await Database.open(job.folder / "store.db") as database,
        open_checkpointer(job.folder / "checkpoints.db") as checkpointer,
    ):
        runs = Runs(database)
        if job.network == SCRIPTED:
            coordinator = Coordinator(slow(job.pause), store=runs, checkpointer=checkpointer)
            await _drive(coordinator, runs, job, protocol, on_event)
        else:
            members, base = find_network(job.network)
            async with Registry.open(members, base) as registry:
                coordinator = Coordinator(registry, store=runs, checkpointer=checkpointer)
                await _drive(coordinator, runs, job, protocol, on_event)


async def _drive(
    coordinator: Coordinator, runs: Runs, job: Job, protocol: Any, on_event: Callable[[Any], None] | None
) -> None:
    try:
        record = await runs.record(RUN)
    except BadInput:
        await coordinator.run(job.task, protocol, seed=job.seed, run=RUN, on_event=on_event)
    else:
        if record.status not in OVER:
            assert record.status == "interrupted", "the process before was killed"
            await coordinator.resume(record, protocol, on_event=on_event)


def slow(pause: float) -> Network:
    """Scripted agents for every role that take some time; what they say depends on prompt and seed only."""

    async def script(request: Request) -> str:
        await asyncio.sleep(pause)
        return from_the_prompt(request)

    return network(
        agent("ada", script, claims={"math": 0.9}),
        agent("ben", script, claims={"math": 0.5}),
        agent("cyd", script),
        agent("ver", script, roles=["verifier"]),
        agent("pam", script, roles=["planner"]),
        agent("jud", script, roles=["judge"]),
    )


async def story(folder: Path) -> tuple[str | None, str, list[Message]]:
    """What the store remembers: answer, status, and the messages in their order."""
    async with await Database.open(folder / "store.db") as database:
        runs = Runs(database)
        record = await runs.record(RUN)
        return record.answer, record.status, await runs.messages(RUN)
