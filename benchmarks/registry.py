"""``python -m benchmarks.registry``: milliseconds of the registry's queries at 1,000 registered nodes.

Each query is timed through the roster, as hubs and coordinators use it: its wait for the thread of the store, its
transaction and what is made of the rows. ``--store`` measures on another database, such as a PostgreSQL URL.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median, quantiles

from rich.console import Console
from rich.table import Table

from agentnet.contracts.nodes import Load, NodeCard
from agentnet.network.roster import Roster
from agentnet.store import Database
from agentnet.store.nodes import Nodes

MODELS = 50
"""Distinct models; each is a member with nodes ÷ 50 replicas."""
OFFERS = 4
"""Members that each node offers."""
LEASE = 3600.0
LIMIT_MS = 5.0


def card(number: int) -> NodeCard:
    """Return the card of a node, which offers a few of the models."""
    offers = [
        {"name": f"member-{model}", "digest": f"{model:064x}", "card": {"claims": {"math": 0.5}, "parameters": 7}}
        for model in random.Random(number).sample(range(MODELS), OFFERS)
    ]
    data = {"name": f"node-{number}", "key": f"{number:043d}", "url": f"https://n{number}.example", "offers": offers}
    return NodeCard.model_validate_json(json.dumps(data))


async def timed(count: int, query: Callable[[int], Awaitable[object]]) -> list[float]:
    """Return the milliseconds of a query, asked `count` times one after another."""
    found = []
    for number in range(count):
        started = time.perf_counter()
        await query(number)
        found.append(1000 * (time.perf_counter() - started))
    return found


async def measure(where: str, nodes: int, count: int) -> dict[str, list[float]]:
    """Register so many nodes in a new store, and return query → its milliseconds."""
    draw = random.Random(0)
    async with await Database.open(where) as database:
        hub = Roster(Nodes(database, "team"), lease=LEASE, hosting=True)
        other = Roster(Nodes(database, "team"), lease=LEASE)
        cards = [card(number) for number in range(nodes + count)]
        records = [await hub.register(one) for one in cards[:nodes]]
        for record in records:
            await hub.heartbeat(record.key, record.lease)
        await hub.sweep()
        await other.refresh()

        async def beat(number: int) -> None:
            record = records[draw.randrange(nodes)]
            await hub.heartbeat(record.key, record.lease, Load(running=number % 7, tokens_per_second=20.0))

        async def poll_changes(number: int) -> None:
            await other.refresh()

        async def poll_loads(number: int) -> None:
            for record in draw.sample(records, nodes // 5):
                await hub.heartbeat(record.key, record.lease, Load(running=number % 7))
            started = time.perf_counter()
            await other.refresh()
            loads.append(1000 * (time.perf_counter() - started))

        loads: list[float] = []
        found = {
            "heartbeat": await timed(count, beat),
            "sweep of all leases, nothing late": await timed(count, lambda _: hub.sweep()),
            "poll, after a heartbeat": await timed(count, poll_changes),
        }
        await timed(max(5, count // 20), poll_loads)
        found["poll, with 200 heartbeats of the last second"] = loads
        found["find by name"] = await timed(count, lambda number: hub.find(f"node-{number % nodes}"))
        found["events since a minute ago"] = await timed(count, lambda _: hub.events(after=2 * nodes - 100))
        found["all nodes, in step"] = await timed(count, lambda _: hub.nodes())
        found["register (checks name, key and members)"] = await timed(
            count, lambda number: hub.register(cards[nodes + number])
        )
        found["expel"] = await timed(count, lambda number: hub.expel(cards[nodes + number].key, "a test"))
        found["all nodes, read for the first time"] = await timed(
            max(5, count // 20), lambda _: Roster(Nodes(database, "team")).nodes()
        )
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--count", type=int, default=200, help="how often each query is asked")
    parser.add_argument("--store", default="", help="an empty database: a file or a URL (default: a temporary file)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        where = options.store or str(Path(folder) / "store.db")
        found = asyncio.run(measure(where, options.nodes, options.count))
    table = Table("query", "median ms", "95 % ms", f"≤ {LIMIT_MS:g} ms", title=f"{options.nodes} nodes")
    for name, times in found.items():
        high = quantiles(times, n=20)[-1]
        table.add_row(name, f"{median(times):.2f}", f"{high:.2f}", "yes" if median(times) <= LIMIT_MS else "no")
    Console().print(table)


if __name__ == "__main__":
    main()
