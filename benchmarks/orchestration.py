"""What an agent's turn costs beside the model: AgentNet, plain LangGraph, AutoGen, measured in turns in one process.

Everybody is measured in short turns, one debate at a time and many at once, in an order that changes, so that what else
the machine does falls on all of them alike. Reported is the median over the repetitions, in microseconds per
agent turn, and the median of the ratios to LangGraph with the same durability.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib
import importlib.util
import json
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.contestants import ANSWER, TURNS, Contestant, Debate

REFERENCE = "LangGraph"
RIVALS = {"autogen_agentchat": "benchmarks.contestants.autogen"}
"""What must be installed → the contestants that need it."""

Key = tuple[str, bool, int]
"""Contestant, durable, debates at once."""


def contestants(console: Console) -> list[Contestant]:
    """Everybody who can take part; says who cannot, and why."""
    modules = ["benchmarks.contestants.ours", "benchmarks.contestants.plain_langgraph"]
    for package, module in RIVALS.items():
        if importlib.util.find_spec(package) is not None:
            modules.append(module)
        else:
            console.print(f"{package} is not installed, skipped: pip install -r benchmarks/requirements.txt")
    return [contestant for module in modules for contestant in importlib.import_module(module).CONTESTANTS]


async def measure(debate: Debate, first: int, debates: int, at_once: int) -> float:
    """Microseconds per turn of `debates` debates numbered from `first`, `at_once` of them side by side."""
    gc.collect()
    started = time.perf_counter()
    for start in range(first, first + debates, at_once):
        answers = await asyncio.gather(*(debate(number) for number in range(start, start + at_once)))
        assert set(answers) == {ANSWER}, f"wrong answers: {set(answers)}"
    return (time.perf_counter() - started) / (debates * TURNS) * 1e6


async def measure_all(
    taking_part: Sequence[Contestant], at_once: int, debates: int, repeat: int
) -> list[dict[Key, float]]:
    """Every contestant in every repetition, each with a folder of its own, in an order that changes."""
    order = random.Random(0)
    found: list[dict[Key, float]] = []
    async with AsyncExitStack() as stack:
        running: list[tuple[Contestant, Debate]] = []
        for contestant in taking_part:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            debate = await stack.enter_async_context(contestant.open(folder))
            await debate(0)
            running.append((contestant, debate))
        numbers = count(1, max(debates, at_once))
        for _ in range(repeat):
            times: dict[Key, float] = {}
            for many, some in ((1, debates), (at_once, at_once)):
                first = next(numbers)
                order.shuffle(running)
                for contestant, debate in running:
                    times[contestant.name, contestant.durable, many] = await measure(debate, first, some, many)
            found.append(times)
    return found


def summary(found: Sequence[dict[Key, float]]) -> list[dict[str, Any]]:
    """One row for each contestant and load: median, quartiles, and the ratio to the reference."""
    rows = []
    for key in sorted(found[0], key=lambda key: (key[2], key[1], found[0][key])):
        name, durable, at_once = key
        times = [one[key] for one in found]
        low, middle, high = statistics.quantiles(times, n=4, method="inclusive") if len(times) > 1 else times * 3
        ratio = statistics.median(one[key] / one[REFERENCE, durable, at_once] for one in found)
        rows.append(
            {
                "system": name,
                "durable": durable,
                "at_once": at_once,
                "microseconds": round(middle, 1),
                "quartiles": [round(low, 1), round(high, 1)],
                "ratio": round(ratio, 3),
            }
        )
    return rows


def show(rows: Sequence[dict[str, Any]], console: Console) -> None:
    table = Table("system", "durable", "debates at once", title="microseconds per agent turn")
    for heading in ("median", "quartiles", f"× {REFERENCE}"):
        table.add_column(heading, justify="right")
    for row in rows:
        low, high = row["quartiles"]
        table.add_row(
            row["system"],
            "yes" if row["durable"] else "no",
            str(row["at_once"]),
            f"{row['microseconds']:.0f}",
            f"{low:.0f}-{high:.0f}",
            f"{row['ratio']:.2f}",
            end_section=row is not rows[-1] and rows[rows.index(row) + 1]["durable"] != row["durable"],
        )
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.orchestration", description=__doc__)
    parser.add_argument("--repeat", type=int, default=15, help="repetitions of everything")
    parser.add_argument("--debates", type=int, default=20, help="debates in one measurement, one at a time")
    parser.add_argument("--at-once", type=int, default=100, help="debates side by side in the second load")
    parser.add_argument("--json", type=Path, help="write the rows to this file too")
    options = parser.parse_args()
    console = Console()
    taking_part = contestants(console)
    found = asyncio.run(measure_all(taking_part, options.at_once, options.debates, options.repeat))
    rows = summary(found)
    show(rows, console)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
