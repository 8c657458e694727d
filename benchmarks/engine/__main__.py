"""``python -m benchmarks.engine``: throughput of several agents on one GGUF file, ours and others'."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Column, Table

from agentnet.models.devices import physical_cores
from benchmarks.engine.contestants import CONTESTANTS, Contestant, Ours
from benchmarks.engine.one_llama import Load
from benchmarks.engine.throughput import Measured, measure
from benchmarks.generated import model_file, usable

CONTEXT = 512


def taking_part(names: Sequence[str], console: Console) -> list[type[Contestant]]:
    """Everybody of these names who can; says who cannot, and why."""
    asked = [kind for kind in CONTESTANTS if kind.name in (*names, Ours.name)]
    for kind in asked:
        if kind.missing():
            console.print(f"{kind.name}: skipped, {kind.missing()}")
    return [kind for kind in asked if not kind.missing()]


def show(rows: Sequence[Measured], console: Console) -> None:
    table = Table(
        Column("model", no_wrap=True), "workload", "agents", "contestant", title="generated tokens per second (median)"
    )
    table.add_column("tokens/s", justify="right")
    table.add_column(f"{Ours.name} ÷ this", justify="right")
    rows = sorted(rows, key=lambda row: (row.model, row.workload, row.agents))
    ours = {(row.model, row.workload, row.agents): row for row in rows if row.contestant == Ours.name}
    for place, row in enumerate(rows):
        key = (row.model, row.workload, row.agents)
        last = place + 1 == len(rows) or key != (
            rows[place + 1].model,
            rows[place + 1].workload,
            rows[place + 1].agents,
        )
        ratio = f"{ours[key].over(row):.2f}"
        table.add_row(*map(str, key), row.contestant, f"{row.median:.0f}", ratio, end_section=last)
    console.print(table)


async def run(options: argparse.Namespace, console: Console) -> list[Measured]:
    kinds = taking_part(options.contestants, console)
    found: list[Measured] = []
    for name in usable(options.models):
        for agents in options.agents:
            load = Load(model_file(name), agents, options.threads, CONTEXT)
            found += await measure(name, load, kinds, options.repeat)
            console.print(f"{name}, {agents} agents: done")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=__doc__)
    parser.add_argument(
        "--models", nargs="+", default=["zoo:atlas", "m100"], help="generated ones, such as m100@qwen2, or zoo:NAME"
    )
    parser.add_argument("--agents", nargs="+", type=int, default=[1, 2, 4, 8, 16], help="agents at once")
    names = [kind.name for kind in CONTESTANTS]
    parser.add_argument("--contestants", nargs="+", default=names, choices=names, metavar="NAME", help="beside ours")
    parser.add_argument("--repeat", type=int, default=5, help="repetitions of everything")
    parser.add_argument("--threads", type=int, default=physical_cores(), help="threads of each contestant")
    parser.add_argument("--json", type=Path, help="write every rate to this file too")
    options = parser.parse_args()
    console = Console()
    rows = asyncio.run(run(options, console))
    show(rows, console)
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
