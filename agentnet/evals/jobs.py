"""Trials that are to be made: which, in which order, under which seed, and how far that is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agentnet.contracts.evaluations import Item, Split, System


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a phase: `done` of `total` trials, `failed` of them without a score."""

    phase: str
    done: int
    total: int
    failed: int


@dataclass(frozen=True, slots=True)
class Job:
    """A trial that is to be made."""

    system: System
    item: Item
    epoch: int
    split: Split


def seed_of(seed: int, item: Item, epoch: int) -> int:
    """Return the seed of a run: the same for every system, so that systems share chance where they can."""
    place = f"{seed}\x1f{item.dataset}\x1f{item.id}\x1f{epoch}"
    return int.from_bytes(hashlib.sha256(place.encode()).digest()[:4], "big")


def jobs_of(systems: Sequence[System], items: Sequence[Item], epochs: int, split: Split) -> Iterator[Job]:
    """Item by item, so that an interrupted evaluation has the same items for every system."""
    for epoch in range(epochs):
        for item in items:
            for system in systems:
                if not system.datasets or item.dataset in system.datasets:
                    yield Job(system, item, epoch, split)
