"""What a summary says in few numbers. Pure functions; nothing is drawn or worded here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from agentnet.contracts.evaluations import Item
from agentnet.evals.measures import RIGHT
from agentnet.evals.online import RATES, expected
from agentnet.evals.rivals import Against
from agentnet.evals.summary import Row, Summary
from agentnet.evals.sweeps import ALONE
from agentnet.evals.systems import BEST
from agentnet.evals.tables import ALL

ALPHA = 0.05

Verdict = Literal["better", "worse", "open"]


def datasets_of(summary: Summary) -> list[str]:
    """Every dataset that has rows, that over everything first."""
    return list(dict.fromkeys(row.dataset for row in summary.rows))


def against(row: Row, rival: str) -> Against | None:
    """A row beside a rival: `BEST`, or the repeated best member that comes closest to its tokens."""
    return next((one for one in row.against if one.rival == rival or one.rival.startswith(f"{rival} ×")), None)


def verdict(beside: Against | None) -> Verdict:
    """By the corrected p-value; ``open`` is a difference within the noise, or none at all."""
    if beside is None or beside.corrected_p >= ALPHA or not beside.gain.estimate:
        return "open"
    return "better" if beside.gain.estimate > 0 else "worse"


def glance(summary: Summary) -> list[tuple[Row, list[Row | None]]]:
    """The best single model, the systems and the members, each with its row on every dataset: `datasets_of` has their
    order. Empty with one dataset only."""
    datasets = datasets_of(summary)
    if len(datasets) < 2:
        return []
    found: list[tuple[Row, list[Row | None]]] = []
    for kind in ("best", "system", "member"):
        names = dict.fromkeys(row.system for row in summary.rows if row.kind == kind)
        cells = ([summary.row(dataset, name) for dataset in datasets] for name in names)
        found += [(next(row for row in rows if row is not None), rows) for rows in cells]
    return found


def frontier(rows: Sequence[Row], cost: bool) -> list[Row]:
    """The rows that nothing cheaper is better than, cheapest first."""
    found: list[Row] = []
    for row in sorted(rows, key=lambda row: (price(row, cost), -row.accuracy.estimate)):
        if not found or row.accuracy.estimate > found[-1].accuracy.estimate:
            found.append(row)
    return found


def price(row: Row, cost: bool) -> float:
    """What a row is measured by: money for each item where there are prices, else tokens."""
    return row.cost if cost else row.tokens


@dataclass(frozen=True, slots=True)
class Paths:
    """All orders of one shape of collaboration on one dataset."""

    dataset: str
    group: str
    rows: tuple[Row, ...]
    mean: float
    fixed: Row | None
    """The path that was best on the calibration items."""
    after: Row
    """The path that was best on the test items themselves: known only after the fact. Of equals the one fixed."""
    best: float | None
    """The best single model, chosen in advance."""


def paths(summary: Summary) -> list[Paths]:
    """Every group of paths on every dataset."""
    found: list[Paths] = []
    for dataset in datasets_of(summary):
        groups: dict[str, list[Row]] = defaultdict(list)
        for row in summary.rows:
            if row.dataset == dataset and row.group and "path" in row.facts:
                groups[row.group].append(row)
        best = summary.row(dataset, BEST)
        for group, rows in groups.items():
            name = summary.fixed.get(dataset, {}).get(group)
            fixed = next((row for row in rows if row.system == name), None)
            found.append(
                Paths(
                    dataset,
                    group,
                    tuple(rows),
                    fmean(row.accuracy.estimate for row in rows),
                    fixed,
                    max(rows, key=lambda row: (row.accuracy.estimate, row is fixed)),
                    best.accuracy.estimate if best else None,
                )
            )
    return found


@dataclass(frozen=True, slots=True)
class Curve:
    """Expected accuracy at each of `agentnet.evals.online.RATES`."""

    name: str
    single: bool
    accuracy: tuple[float, ...]


def online(summary: Summary, dataset: str) -> list[Curve]:
    """What is left when members are online with some probability; empty where not every set of them was measured."""
    rows = _points_of(summary, dataset, "online", by=str, members=list)
    sets = {(row.facts["by"], tuple(row.facts["members"])): row.accuracy.estimate for row in rows}
    members = tuple(dict.fromkeys(name for _, some in sets for name in some))
    curves: list[Curve] = []
    alone = {some: accuracy for (way, some), accuracy in sets.items() if way == ALONE}
    for by in dict.fromkeys(by for by, _ in sets if by != ALONE):
        of = alone | {some: accuracy for (way, some), accuracy in sets.items() if way == by}
        if len(of) < 2 ** len(members) - 1:
            return []
        if not curves:
            curves += [Curve(name, True, tuple(rate * of[name,] for rate in RATES)) for name in members]
            ranked = sorted(members, key=lambda name: -_in_advance(summary, dataset, name))
            stands = {some: of[next(name for name in ranked if name in some),] for some in of}
            curves.append(Curve("best of those online", False, expected(members, stands)))
        curves.append(Curve(by, False, expected(members, of)))
    return curves


def _in_advance(summary: Summary, dataset: str, name: str) -> float:
    """How good a member was on the calibration items of a dataset's labels."""
    labels = {item.label for item in summary.items if dataset in (ALL, item.dataset)}
    known = summary.record.measured.get(name, {})
    found = [known[label].accuracy for label in labels if label in known]
    return fmean(found) if found else 0.0


def rounds(summary: Summary, dataset: str) -> list[Row]:
    """A debate by its number of rounds."""
    return sorted(_points_of(summary, dataset, "rounds", rounds=int), key=lambda row: int(row.facts["rounds"]))


def _points_of(summary: Summary, dataset: str, group: str, **facts: type) -> list[Row]:
    """The points of an experiment. A suite may call a group of its own the same: then it lacks the facts."""
    rows = (row for row in summary.rows if row.dataset == dataset and row.group == group)
    return [row for row in rows if all(isinstance(row.facts.get(name), kind) for name, kind in facts.items())]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two members on one answer, beside each of them alone."""

    row: Row
    better: Row
    """Of the two members, the one that did better alone. Known after the fact: the harder rival."""
    other: Row


def pairs(summary: Summary, dataset: str) -> dict[str, list[Pair]]:
    """Way to decide or to fuse → every pair of members that was tried by it, the largest gain over the better first."""
    found: dict[str, list[Pair]] = defaultdict(list)
    for row in summary.rows:
        if row.dataset == dataset and row.group.startswith("pairs by "):
            members = row.facts.get("members")
            alone = [summary.row(dataset, name) for name in members] if isinstance(members, list) else []
            known = sorted((one for one in alone if one is not None), key=_accuracy, reverse=True)
            if len(known) == 2:
                found[row.group.removeprefix("pairs by ")].append(Pair(row, *known))
    return {
        by: sorted(some, key=lambda pair: _accuracy(pair.better) - _accuracy(pair.row)) for by, some in found.items()
    }


def _accuracy(row: Row) -> float:
    return row.accuracy.estimate


@dataclass(frozen=True, slots=True)
class Together:
    """Where a system and its members part: items that it had right though each member alone was wrong, and the other
    way round. Some of either happen by chance, as sampling goes."""

    system: str
    gained: tuple[Item, ...]
    lost: tuple[Item, ...]


def together(summary: Summary, dataset: str) -> list[Together]:
    """Every system on one dataset, beside all members alone; empty with fewer than two members."""
    rows = [row for row in summary.rows if row.dataset == dataset]
    members = [summary.grid[row.system] for row in rows if row.kind == "member" and row.system in summary.grid]
    if len(members) < 2:
        return []
    found: list[Together] = []
    for row in rows:
        if row.kind != "system" or row.system not in summary.grid:
            continue
        gained, lost = [], []
        for place, item in enumerate(summary.items):
            score, alone = summary.grid[row.system][place], [scores[place] for scores in members]
            if dataset not in (ALL, item.dataset) or score is None or any(one is None for one in alone):
                continue
            right = [one is not None and one >= RIGHT for one in alone]
            if score >= RIGHT and not any(right):
                gained.append(item)
            elif score < RIGHT and all(right):
                lost.append(item)
        found.append(Together(row.system, tuple(gained), tuple(lost)))
    return found
