"""Mutual evaluation: who judges whose answers (AI-Model Network, arXiv 2606.27382, section 3.6, Algorithm 1).

Every member graded the answers of every other one. By the mean grade that it gave and the mean that it received, each
member is in one of four states; the judges of a member are those that gave it its lowest grades and are in one state.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Literal

Means = Mapping[str, Mapping[str, float]]
"""Judge → member → mean grade. A pair without a grade is missing, and counts nowhere."""

State = Literal[1, 2, 3, 4]
"""1: gives low grades and receives high ones (good and strict); 2: high and high; 3: gives high and receives low ones;
4: low and low."""

OF_CHOICE: dict[str, State] = {"c": 1, "c-prime": 4}
"""The published sets of judges → the state of their members."""


def states(means: Means, members: Sequence[str], d1: float = 50.0) -> dict[str, State]:
    """Return the state of each member that gave and received grades.

    The lowest `d1` per cent of the members by rank, rounded up, count as low, both in grades given and in grades
    received. Of equal means the member that is listed first is the lower one.
    """
    given = {
        judge: fmean(grades)
        for judge in members
        if (grades := [means[judge][m] for m in _graded(means, judge, members)])
    }
    received = {
        member: fmean(grades)
        for member in members
        if (grades := [means[judge][member] for judge in members if member in _graded(means, judge, members)])
    }
    strict, poor = lowest(given, d1), lowest(received, d1)
    by_place: dict[tuple[bool, bool], State] = {
        (True, False): 1,
        (False, False): 2,
        (False, True): 3,
        (True, True): 4,
    }
    return {name: by_place[name in strict, name in poor] for name in members if name in given and name in received}


def judges(
    means: Means, members: Sequence[str], *, d1: float = 50.0, d2: float = 50.0, state: State = 1
) -> dict[str, tuple[str, ...]]:
    """Return member → its judges, in the order of `members`; none for a member that nobody suitable graded.

    They are the `d2` per cent of its graders that gave it the lowest grades, rounded up, as far as they are in `state`.
    """
    found = states(means, members, d1)
    chosen: dict[str, tuple[str, ...]] = {}
    for member in members:
        grades = {judge: means[judge][member] for judge in members if member in _graded(means, judge, members)}
        low = lowest(grades, d2)
        chosen[member] = tuple(judge for judge in members if judge in low and found.get(judge) == state)
    return chosen


def lowest(values: Mapping[str, float], per_cent: float) -> set[str]:
    """Return the names of the lowest values, as many per cent of them as given, rounded up."""
    count = math.ceil(len(values) * per_cent / 100 - 1e-9)
    return set(sorted(values, key=lambda name: values[name])[:count])


def _graded(means: Means, judge: str, members: Sequence[str]) -> list[str]:
    """Return the members that a judge graded, itself apart."""
    return [member for member in members if member != judge and member in means.get(judge, {})]
