"""Calibration items apart from test items."""

from __future__ import annotations

from collections.abc import Sequence

from agentnet.contracts.evaluations import Item

Split = tuple[tuple[Item, ...], tuple[Item, ...]]


def split(items: Sequence[Item], calibration: int, test: int | None) -> Split:
    """The first `calibration` items, and the next `test` of the rest (None: all of it).

    Too few for both: calibration gets a third of what there is, at most. A cluster goes to calibration as a whole or
    stays out, so that none lies in both; calibration may then be smaller than asked, and nothing is lost.
    """
    if calibration + (2 * calibration if test is None else test) > len(items):
        calibration = min(calibration, len(items) // 3)
    sizes: dict[str, int] = {}
    for item in items:
        sizes[item.cluster] = sizes.get(item.cluster, 0) + 1
    chosen: set[str] = set()
    room = calibration
    for cluster, size in sizes.items():
        if size <= room:
            chosen.add(cluster)
            room -= size
        if not room:
            break
    rest = tuple(item for item in items if item.cluster not in chosen)
    return tuple(item for item in items if item.cluster in chosen), rest[:test]
