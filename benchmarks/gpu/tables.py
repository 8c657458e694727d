"""The tables as Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from benchmarks.engine.contestants import Ours
from benchmarks.engine.throughput import Measured
from benchmarks.gpu.memory import Occupied

MEMORY = (
    "models",
    "layers on the GPU",
    "planned, MiB",
    "open, MiB",
    "after 8 replies each, MiB",
    "left when closed, MiB",
    "say their text",
)
SPEED = ("model", "workload", "agents", "AgentNet, tokens/s", "llama-server, tokens/s", "ratio")
FUSED = ("models", "way", "ms per token", "÷ alone")


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table, its lines separated by line breaks."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [heads, ["---"] * len(heads), *rows])


def memory_row(found: Occupied) -> list[str]:
    amounts = (found.planned, found.opened, found.worked, found.left)
    said = "yes" if found.right else "**no**"
    return [f"`{found.group}`", found.layers, *(f"{amount / 2**20:.0f}" for amount in amounts), said]


def speed_rows(rows: Sequence[Measured]) -> list[list[str]]:
    """Return a row for each model, workload and number of agents; without a server, its columns are empty."""
    others = {(row.model, row.workload, row.agents): row for row in rows if row.contestant != Ours.name}
    table_rows = []
    for ours in (row for row in rows if row.contestant == Ours.name):
        other = others.get((ours.model, ours.workload, ours.agents))
        beside = [f"{other.median:.0f}", f"{ours.over(other):.2f}"] if other else ["", ""]
        table_rows.append([f"`{ours.model}`", ours.workload, str(ours.agents), f"{ours.median:.0f}", *beside])
    return table_rows


def fused_rows(found: Iterable[tuple[str, dict[str, list[float]]]]) -> list[list[str]]:
    """Return a row for each way in which the models of a pair were measured."""
    return [
        [
            f"`{pair}`",
            way,
            f"{statistics.median(times):.2f}",
            f"{statistics.median(one / alone for one, alone in zip(times, ways['alone'], strict=True)):.2f}",
        ]
        for pair, ways in found
        for way, times in ways.items()
    ]
