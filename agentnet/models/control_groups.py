"""The limits of this process's control groups: processors and memory. A container's limits are control groups."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


def cores() -> int | None:
    """Return the cores that the groups allow, rounded up; None where they set no bound."""
    quotas = (_quota(folder) for folder in folders("cpu"))
    return min((quota for quota in quotas if quota is not None), default=None)


def memory() -> tuple[int, int] | None:
    """Return the tightest memory limit and what is left of it, in bytes; None where the groups set no bound.

    The page cache counts as left, as in the machine's own figure: the system drops it when memory is needed.
    """
    rooms = [room for folder in folders("memory") if (room := _room(folder)) is not None]
    return min(rooms, key=lambda room: room[1], default=None)


def folders(controller: str) -> list[Path]:
    """Return the process's own group and those around it (version 2), and the controller's group (version 1)."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        lines = []
    own = next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), "")
    inner = ROOT / own
    return [*(folder for folder in (inner, *inner.parents) if folder.is_relative_to(ROOT)), ROOT / controller]


def _quota(folder: Path) -> int | None:
    try:
        if (folder / "cpu.max").is_file():
            quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()
        else:
            quota, period = (
                (folder / f"cpu.cfs_{name}_us").read_text(encoding="ascii") for name in ("quota", "period")
            )
        return max(1, -(-int(quota) // int(period))) if int(quota) > 0 else None
    except (OSError, ValueError, ZeroDivisionError):  # ValueError: "max"
        return None


def _room(folder: Path) -> tuple[int, int] | None:
    """Return the limit of one group and what is left. Version 1 writes an absurdly large number for no limit."""
    limits = [number for name in ("memory.max", "memory.high") if (number := _number(folder / name)) is not None]
    limit = min(limits, default=_number(folder / "memory.limit_in_bytes"))
    used = _number(folder / "memory.current")
    used = _number(folder / "memory.usage_in_bytes") if used is None else used
    if limit is None or used is None or limit >= 1 << 60:
        return None
    return limit, max(0, limit - used + _page_cache(folder / "memory.stat"))


def _page_cache(statistics: Path) -> int:
    try:
        lines = statistics.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return 0
    numbers = dict(_pairs(lines))
    # Version 1 has the numbers of the whole tree under names of their own.
    return sum(numbers.get(f"total_{kind}", numbers.get(kind, 0)) for kind in ("inactive_file", "active_file"))


def _pairs(lines: Iterable[str]) -> Iterable[tuple[str, int]]:
    for line in lines:
        name, _, value = line.partition(" ")
        if value.isdigit():
            yield name, int(value)


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):  # ValueError: "max"
        return None
