"""What a summary says in few numbers. Pure functions: nothing is drawn or worded here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from agentnet.contracts.evaluations import Item
from agentnet.evals.attack.losses import Loss
from agentnet.evals.deciding import Decided
from agentnet.evals.measures import RIGHT
from agentnet.evals.online import RATES, Members, expected, subsets
from agentnet.evals.results import BaselineComparison, Row, Summary
from agentnet.evals.sweeps import ALONE
from agentnet.evals.systems import BEST
from agentnet.evals.tables import ALL

ALPHA = 0.05

Verdict = Literal["better", "worse", "open"]


def datasets_of(summary: Summary) -> list[str]:
    """Return every dataset that has rows, `ALL` first."""
    return list(dict.fromkeys(row.dataset for row in summary.rows))


def comparison_with(row: Row, baseline: str) -> BaselineComparison | None:
    """Return a row's comparison with `BEST`, or with the repeated best member that comes closest to its tokens."""
    for comparison in row.comparisons:
        if comparison.baseline == baseline or comparison.baseline.startswith(f"{baseline} ×"):
            return comparison
    return None


def verdict(comparison: BaselineComparison | None) -> Verdict:
    """Return what the corrected p-value says; ``open`` is a difference within the noise, or no comparison at all."""
    if comparison is None or comparison.corrected_p >= ALPHA or not comparison.gain.estimate:
        return "open"
    return "better" if comparison.gain.estimate > 0 else "worse"


def overview(summary: Summary) -> list[tuple[Row, list[Row | None]]]:
    """Return the best single model, the systems and the members, each with its row on every dataset.

    `datasets_of` has the order of the datasets. Empty with one dataset only.
    """
    datasets = datasets_of(summary)
    if len(datasets) < 2:
        return []
    lines: list[tuple[Row, list[Row | None]]] = []
    for kind in ("best", "system", "member"):
        for name in dict.fromkeys(row.system for row in summary.rows if row.kind == kind):
            cells = [summary.row(dataset, name) for dataset in datasets]
            lines.append((next(row for row in cells if row is not None), cells))
    return lines


ATTACKS_NOTE = (
    "What liars cost, beside the same members silent: no rule can recover what a missing member would have known. "
    "Means over all choices of who lies; intervals of 95 %, paired by item."
)


def who_lies(loss: Loss) -> str:
    """Return how many members lie, or which agent that decides for all."""
    if loss.decider:
        return f"{loss.decider}, which decides"
    return f"{loss.liars} of the members ({loss.choices} choices)" if loss.choices > 1 else f"{loss.liars}, one choice"


def attacks_on(summary: Summary, dataset: str) -> list[Loss]:
    """Return what liars cost each system on a dataset: for each system the attacks in the order of the suite."""
    return sorted(
        (loss for loss in summary.losses if loss.dataset == dataset),
        key=lambda loss: (
            bool(loss.decider),
            list(dict.fromkeys(each.system for each in summary.losses)).index(loss.system),
        ),
    )


def frontier(rows: Sequence[Row], cost: bool) -> list[Row]:
    """Return the rows that are better than every cheaper one, cheapest first."""
    best: list[Row] = []
    for row in sorted(rows, key=lambda row: (price(row, cost), -row.accuracy.estimate)):
        if not best or row.accuracy.estimate > best[-1].accuracy.estimate:
            best.append(row)
    return best


def price(row: Row, cost: bool) -> float:
    """Return what an item takes: money where there are prices (`cost`), else tokens."""
    return row.cost if cost else row.tokens


@dataclass(frozen=True, slots=True)
class Paths:
    """All orders of one shape of collaboration on one dataset."""

    dataset: str
    group: str
    rows: tuple[Row, ...]
    mean: float
    fixed: Row | None
    """The path that was best on the selection split."""
    after: Row
    """The path that was best on the test items, known only after the fact; the fixed one where several were best."""
    best: float | None
    """Accuracy of the best single model, chosen in advance."""


def paths(summary: Summary) -> list[Paths]:
    """Return every group of paths on every dataset."""
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in summary.rows:
        if row.group and "path" in row.facts:
            groups[row.dataset, row.group].append(row)
    return [_paths(summary, dataset, group, tuple(rows)) for (dataset, group), rows in groups.items()]


def _paths(summary: Summary, dataset: str, group: str, rows: tuple[Row, ...]) -> Paths:
    name, best = summary.fixed.get(dataset, {}).get(group), summary.row(dataset, BEST)
    fixed = next((row for row in rows if row.system == name), None)
    return Paths(
        dataset=dataset,
        group=group,
        rows=rows,
        mean=fmean(row.accuracy.estimate for row in rows),
        fixed=fixed,
        after=max(rows, key=lambda row: (row.accuracy.estimate, row is fixed)),
        best=best.accuracy.estimate if best else None,
    )


@dataclass(frozen=True, slots=True)
class Curve:
    """Expected accuracy at each of `agentnet.evals.online.RATES`."""

    name: str
    single: bool
    accuracy: tuple[float, ...]


def online(summary: Summary, dataset: str) -> list[Curve]:
    """Return the expected accuracy when members are online with some probability.

    Curves of single members, of the best member that is online, and of each way to answer together. Empty where not
    every set of members was measured.
    """
    by_way: dict[str, dict[Members, float]] = defaultdict(dict)
    for row in _points_of(summary, dataset, "online", by=str, members=list):
        by_way[row.facts["by"]][tuple(row.facts["members"])] = row.accuracy.estimate
    members = tuple(dict.fromkeys(name for sets in by_way.values() for some in sets for name in some))
    every_set = list(subsets(members))
    alone = by_way.pop(ALONE, {})
    ways = {way: alone | sets for way, sets in by_way.items()}
    if not ways or any(some not in sets for sets in ways.values() for some in every_set):
        return []
    single = {name: alone[(name,)] for name in members}
    ranked = sorted(members, key=lambda name: -_in_advance(summary, dataset, name))
    best_online = {some: single[next(name for name in ranked if name in some)] for some in every_set}
    return [
        *(Curve(name, True, tuple(rate * accuracy for rate in RATES)) for name, accuracy in single.items()),
        Curve("best of those online", False, expected(members, best_online)),
        *(Curve(way, False, expected(members, sets)) for way, sets in ways.items()),
    ]


def _in_advance(summary: Summary, dataset: str, name: str) -> float:
    """A member's mean accuracy on the selection split, over the labels of a dataset."""
    labels = {item.label for item in summary.items if dataset in (ALL, item.dataset)}
    measured = summary.record.measured.get(name, {})
    known = [measured[label].accuracy for label in labels if label in measured]
    return fmean(known) if known else 0.0


def rounds(summary: Summary, dataset: str) -> list[Row]:
    """Return a debate by its number of rounds."""
    return sorted(_points_of(summary, dataset, "rounds", rounds=int), key=lambda row: int(row.facts["rounds"]))


def _points_of(summary: Summary, dataset: str, group: str, **facts: type) -> list[Row]:
    """The points of an experiment. A group of the same name that lacks the facts is none."""
    rows = (row for row in summary.rows if row.dataset == dataset and row.group == group)
    return [row for row in rows if all(isinstance(row.facts.get(name), kind) for name, kind in facts.items())]


def hops(summary: Summary, dataset: str) -> dict[str, list[Row]]:
    """Return how judges are chosen → `route` by its hops (α), in their order."""
    by: dict[str, list[Row]] = defaultdict(list)
    for row in _points_of(summary, dataset, "hops", hops=int, by=str):
        by[row.facts["by"]].append(row)
    return {name: sorted(rows, key=lambda row: int(row.facts["hops"])) for name, rows in by.items()}


def decided_on(summary: Summary, dataset: str) -> list[Decided]:
    """Return what was decided on a dataset; over all datasets, those of each of them."""
    return [one for one in summary.decisions if dataset in (ALL, one.dataset)]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two members that answer together, and each of them alone."""

    row: Row
    better: Row
    """The member that did better alone, known only after the fact: the harder baseline."""
    other: Row


def pairs(summary: Summary, dataset: str) -> dict[str, list[Pair]]:
    """Return way to decide or to fuse → the pairs of members that it was tried with, the largest gain first."""
    by_way: dict[str, list[Pair]] = defaultdict(list)
    for row in summary.rows:
        if row.dataset == dataset and row.group.startswith("pairs by "):
            members = row.facts.get("members")
            alone = [summary.row(dataset, name) for name in members] if isinstance(members, list) else []
            known = sorted((member for member in alone if member is not None), key=_accuracy, reverse=True)
            if len(known) == 2:
                by_way[row.group.removeprefix("pairs by ")].append(Pair(row, *known))
    return {
        way: sorted(found, key=lambda pair: _accuracy(pair.better) - _accuracy(pair.row))
        for way, found in by_way.items()
    }


def _accuracy(row: Row) -> float:
    return row.accuracy.estimate


@dataclass(frozen=True, slots=True)
class Complementarity:
    """The items that a system had right although every member alone was wrong, and the reverse.

    Some of either happen by chance, because sampling differs between runs.
    """

    system: str
    gained: tuple[Item, ...]
    lost: tuple[Item, ...]


def complementarity(summary: Summary, dataset: str) -> list[Complementarity]:
    """Compare every system on a dataset with all members alone. Empty with fewer than two members."""
    rows = [row for row in summary.rows if row.dataset == dataset]
    members = [summary.grid[row.system] for row in rows if row.kind == "member" and row.system in summary.grid]
    if len(members) < 2:
        return []
    found: list[Complementarity] = []
    for row in rows:
        if row.kind != "system" or row.system not in summary.grid:
            continue
        gained, lost = [], []
        for item, score, *alone in zip(summary.items, summary.grid[row.system], *members, strict=True):
            if dataset not in (ALL, item.dataset) or score is None or None in alone:
                continue
            right = [member is not None and member >= RIGHT for member in alone]
            if score >= RIGHT and not any(right):
                gained.append(item)
            elif score < RIGHT and all(right):
                lost.append(item)
        found.append(Complementarity(row.system, tuple(gained), tuple(lost)))
    return found
