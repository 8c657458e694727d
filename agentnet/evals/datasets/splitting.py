"""Splitting items into those that select the best member and those that test."""

from __future__ import annotations

from collections.abc import Sequence

from agentnet.contracts.evaluations import Item

Splits = tuple[tuple[Item, ...], tuple[Item, ...]]
"""The selection split and the test split."""


def split(items: Sequence[Item], selection: int, test: int | None) -> Splits:
    """Return the first `selection` items, and the next `test` of the rest (None: all of it).

    Where there are too few for both, the selection split gets at most a third. A cluster is in one split as a whole, so
    the selection split may be smaller than asked for.
    """
    if selection + (2 * selection if test is None else test) > len(items):
        selection = min(selection, len(items) // 3)
    sizes: dict[str, int] = {}
    for item in items:
        sizes[item.cluster] = sizes.get(item.cluster, 0) + 1
    chosen: set[str] = set()
    room = selection
    for cluster, size in sizes.items():
        if size <= room:
            chosen.add(cluster)
            room -= size
        if not room:
            break
    rest = tuple(item for item in items if item.cluster not in chosen)
    return tuple(item for item in items if item.cluster in chosen), rest[:test]
