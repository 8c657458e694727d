"""``python -m benchmarks.serving.soak``: a gateway under load, killed (-9) in the middle, and what is left of it.

200 clients ask the zoo over OpenAI's API and over the gateway's own, streamed and whole, attached and detached. Some
vanish in the middle of a reply, some send rubbish. In the middle of the time the server is killed, and starts again on
the same store and the same port; clients send again what was not answered, with the same idempotency keys. At the end,
the store is compared with what the clients read, every run that was cut is resumed, and memory, tasks and open files of
the server are compared with what they were. The exit code is 1 if anything is not as it must be.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import agentnet
from agentnet import Session
from agentnet.contracts.runs import OVER
from agentnet.store.listing import RunFilter
from benchmarks.serving.clients import Client, Seen
from benchmarks.serving.server import Server

LOOK_SECONDS = 1.0
RAMP_SECONDS = 5.0
"""Seconds within which the clients begin."""
GROWTH = 1.1
"""Memory at the end, as a multiple of what it was after the first quarter of the server's time, at most."""
SPARE_FILES = 4
"""Open files beyond those that there were: connections that have just been closed."""
MOST_RUNS = 1_000_000


async def soak(server: Server, seen: Seen, options: argparse.Namespace) -> dict[str, Any]:
    """Let the clients work, kill the server in the middle, and return what is left when they are gone."""
    await server.start()
    await _warm(server, seen)
    tasks, files = await server.tasks(), server.files()
    over = asyncio.Event()
    looking = asyncio.create_task(_look(server))
    clients = [Client(server.url, number, seen, over, pause=options.pause) for number in range(options.clients)]

    async def work(number: int, client: Client) -> None:
        await asyncio.sleep(RAMP_SECONDS * number / len(clients))
        await client.work(vanish=options.vanish, rubbish=options.rubbish)

    began = time.monotonic()
    working = [asyncio.create_task(work(number, client)) for number, client in enumerate(clients)]
    for kill in range(1, options.kills + 1):
        await asyncio.sleep(began + options.seconds * kill / (options.kills + 1) - time.monotonic())
        await server.kill()
        await server.start()
    await asyncio.sleep(max(0.0, began + options.seconds - time.monotonic()))
    over.set()
    await asyncio.gather(*working)
    seconds = time.monotonic() - began
    looking.cancel()
    await asyncio.sleep(2.0)  # connections that were closed are gone
    left = Counter(await server.tasks())
    left.subtract(tasks)
    found = {
        "seconds": seconds,
        "memory": server.growth(),
        "files": server.files() - files,
        "tasks": {name: count for name, count in left.items() if count > 0},
    }
    found["exit code"] = await server.end()
    return found


async def _warm(server: Server, seen: Seen) -> None:
    """Ask once over every surface, so that what is loaded late is loaded."""
    over = asyncio.Event()
    client = Client(server.url, -1, seen, over, pause=0.0)
    work = asyncio.create_task(client.work(vanish=0.0, rubbish=0.0))
    await asyncio.sleep(3.0)
    over.set()
    await work
    await asyncio.sleep(1.0)


async def _look(server: Server) -> None:
    while True:
        server.look()
        await asyncio.sleep(LOOK_SECONDS)


async def compared(session: Session, seen: Seen) -> dict[str, Any]:
    """Compare what is stored with what the clients read, and resume what was cut."""
    runs = session.runs
    records = await runs.listed(RunFilter(), limit=MOST_RUNS)
    stored = {record.id: record for record in records}
    lost = [run for run in seen.answers if run not in stored]
    other, doubled, changed = [], [], []
    for run, answer in seen.answers.items():
        record = stored.get(run)
        if record is not None and not (record.status in OVER and record.answer == answer):
            other.append(f"{run}: {record.status} {record.answer!r}, read as {answer!r}")
    for record in records:
        messages = await runs.messages(record.id)
        turns = Counter((message.node, message.round, message.sender) for message in messages)
        doubled += [record.id] * (max(turns.values(), default=0) > 1)
        changed += [record.id] * (record.status in OVER and not (await runs.verify(record.id)).intact)
    before = Counter(record.status for record in records)
    cut = [record for record in records if record.status not in OVER]
    stuck = []
    for record in cut:
        outcome = await session.resume(record)
        if outcome.status not in OVER:
            stuck.append(f"{record.id}: {outcome.status} {outcome.detail}")
    return {
        "runs": len(records),
        "statuses": dict(before),
        "answers that were read": len(seen.answers),
        "read and not stored": lost,
        "read and stored otherwise": other,
        "with a turn twice": doubled,
        "changed since": changed,
        "cut": len(cut),
        "cut and not resumable": stuck,
    }


def verdicts(found: dict[str, Any], stored: dict[str, Any], seen: Seen) -> list[tuple[str, str, bool]]:
    """Return what must hold: in words, the figure, and whether it holds."""
    memory = found["memory"]
    return [
        ("answers that were read, all stored as read", f"{stored['answers that were read']}",
         bool(seen.answers) and not stored["read and not stored"] and not stored["read and stored otherwise"]),
        ("no turn is stored twice", f"{len(stored['with a turn twice'])}", not stored["with a turn twice"]),
        ("messages and results as they were recorded", f"{len(stored['changed since'])} changed",
         not stored["changed since"]),
        ("no run is left running", f"{stored['statuses'].get('running', 0)}", not stored["statuses"].get("running")),
        ("runs that were cut, all resumable", f"{stored['cut']}", not stored["cut and not resumable"]),
        ("memory is flat", f"{memory['early']:.0f} → {memory['late']:.0f} MiB",
         memory["late"] <= GROWTH * memory["early"]),
        ("no task is left", json.dumps(found["tasks"]), not found["tasks"]),
        ("no file is left open", f"{found['files']:+d}", found["files"] <= SPARE_FILES),
        ("nothing went wrong", f"{len(seen.wrong)}", not seen.wrong),
        ("it ended in order", f"exit code {found['exit code']}", found["exit code"] == 0),
    ]  # fmt: skip


async def measured(options: argparse.Namespace) -> tuple[dict[str, Any], list[tuple[str, str, bool]]]:
    """Soak a gateway, and return all figures, and what must hold."""
    seen = Seen()
    with tempfile.TemporaryDirectory(prefix="agentnet-soak-") as name:
        server = Server(Path(name))
        try:
            found = await soak(server, seen, options)
        finally:
            if server.process is not None and server.process.returncode is None:
                await server.kill()
        async with agentnet.open("zoo", store=server.store) as session:
            stored = await compared(session, seen)
    figures = {
        **found,
        **stored,
        "requests": dict(seen.requests),
        "responses": dict(seen.statuses),
        "connections that broke": seen.broken,
        "wrong": seen.wrong[:20],
    }
    return figures, verdicts(found, stored, seen)


def main() -> int:
    """Soak, print the figures, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--vanish", type=float, default=0.10, help="share of requests whose clients vanish")
    parser.add_argument("--rubbish", type=float, default=0.05, help="share of requests that are rubbish")
    parser.add_argument("--kills", type=int, default=1, help="how often the server is killed")
    parser.add_argument("--pause", type=float, default=4.0, help="mean seconds between two requests of a client")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures, checks = asyncio.run(measured(options))
    held = all(holds for _, _, holds in checks)
    if options.json:
        print(json.dumps(figures, ensure_ascii=False))
        return 0 if held else 1
    table = Table("what must hold", "figure", "")
    for words, figure, holds in checks:
        table.add_row(words, figure, "yes" if holds else "NO")
    console = Console()
    console.print(table)
    for name in ("seconds", "requests", "responses", "connections that broke", "runs", "statuses", "wrong"):
        console.print(f"{name}: {figures[name]}")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
