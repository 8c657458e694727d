"""How many layers of a model the GPUs take. This is arithmetic only; no device is touched here."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from agentnet.models.llama.footprint import Footprint

RESERVE = 512 * 2**20
"""Bytes of each device that stay free: the driver and the backend take some without announcing it."""


@dataclass(frozen=True, slots=True)
class Room:
    """A device's name and its free bytes; None where the driver does not tell them."""

    name: str
    free: int | None


@dataclass(frozen=True, slots=True)
class Offload:
    """Layers as llama.cpp counts them: blocks from the last one on, and one more for the output.

    `used` are the bytes on each device, in the order of the devices, and `shares` what part of the layers each takes.
    """

    layers: int = 0
    used: tuple[int, ...] = ()
    shares: tuple[float, ...] = ()


NOTHING = Offload()


@dataclass(frozen=True, slots=True)
class Demand:
    """What a model needs on the devices beside its weights.

    A KV cache of `cells` tokens for `sequences` sequences, which lies with the weights of each layer if `cache` is set;
    and buffers of `compute` bytes on every device that takes part.
    """

    cells: int
    sequences: int
    cache: bool
    compute: int


def fit(
    model: Footprint,
    demand: Demand,
    rooms: Sequence[Room],
    *,
    most: int | None = None,
    shares: Sequence[float] | None = None,
) -> Offload:
    """Return the largest number of layers, at most `most`, that leaves `RESERVE` bytes free on every device.

    `shares` divide the layers among the devices; None divides by free memory, as llama.cpp does. A device that does not
    tell its free memory is assumed to hold everything: the loader has to step down where it does not.
    """
    whole = len(model.blocks) + 1
    for layers in range(min(whole, whole if most is None else most), 0, -1):
        offload = occupy(model, demand, rooms, layers, shares=shares)
        if leaves_reserve(offload, rooms):
            return offload
    return NOTHING


def leaves_reserve(offload: Offload, rooms: Sequence[Room]) -> bool:
    """Return whether every device that is used keeps `RESERVE` bytes free, as far as its free memory is known."""
    return all(
        not used or room.free is None or used + RESERVE <= room.free
        for room, used in zip(rooms, offload.used, strict=False)
    )


def occupy(
    model: Footprint, demand: Demand, rooms: Sequence[Room], layers: int, *, shares: Sequence[float] | None = None
) -> Offload:
    """Return what a number of layers takes of each device, whether the device has that much or not."""
    if not rooms or layers < 1:
        return NOTHING
    blocks = len(model.blocks)
    layers = min(layers, blocks + 1)
    parts = _shares(rooms, shares)
    points = [point / sum(parts) for point in accumulate(parts)]
    used = [0] * len(rooms)
    for index, layer in enumerate(range(blocks + 1 - layers, blocks + 1)):
        device = min(bisect_right(points, index / layers), len(rooms) - 1)
        used[device] += _layer(model, demand, layer)
    return Offload(layers, tuple(taken and taken + demand.compute for taken in used), parts)


def _layer(model: Footprint, demand: Demand, layer: int) -> int:
    if layer == len(model.blocks):
        return model.output
    cache = model.cached(layer, cells=demand.cells, sequences=demand.sequences) if demand.cache else 0
    return model.blocks[layer] + cache


def _shares(rooms: Sequence[Room], given: Sequence[float] | None) -> tuple[float, ...]:
    """Return the given shares, filled up with zeros; by default the free memory, or equal shares if it is unknown."""
    parts = [float(part) for part in given or ()][: len(rooms)]
    parts += [0.0] * (len(rooms) - len(parts))
    if not any(parts):
        parts = [float(room.free or 0) for room in rooms]
    return tuple(parts) if any(parts) else (1.0,) * len(rooms)
