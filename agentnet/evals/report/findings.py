"""What a summary says in plain words and in few numbers. Pure functions; nothing is drawn here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from agentnet.evals.online import RATES, expected
from agentnet.evals.rivals import Against
from agentnet.evals.summary import Row, Summary
from agentnet.evals.sweeps import ALONE
from agentnet.evals.systems import BEST, CORRECTIONS, SAMPLES
from agentnet.evals.tables import ALL

ALPHA = 0.05


def datasets_of(summary: Summary) -> list[str]:
    """Every dataset that has rows, that over everything first."""
    return list(dict.fromkeys(row.dataset for row in summary.rows))


def against(row: Row, rival: str) -> Against | None:
    """A row beside a rival: `BEST`, or the repeated best member that comes closest to its tokens."""
    return next((one for one in row.against if one.rival == rival or one.rival.startswith(f"{rival} ×")), None)


def verdict(beside: Against | None) -> str:
    """``better``, ``worse`` or ``open``: by the corrected p-value."""
    if beside is None or beside.corrected_p >= ALPHA or not beside.gain.estimate:
        return "open"
    return "better" if beside.gain.estimate > 0 else "worse"


def headline(summary: Summary) -> list[str]:
    """What there is to say before any table: who beat the best single model, and whether it was worth its tokens."""
    singles = [name for name in datasets_of(summary) if name != ALL]
    rows = [row for row in summary.rows if row.kind == "system" and row.dataset in singles]
    compared = [row for row in rows if against(row, BEST)]
    said: list[str] = []
    if compared:
        names = list(dict.fromkeys(row.system for row in compared))
        won, lost = ([row for row in compared if verdict(against(row, BEST)) == what] for what in ("better", "worse"))
        where = "on at least one dataset " if len(singles) > 1 else ""
        winners, losers = (list(dict.fromkeys(row.system for row in some)) for some in (won, lost))
        said.append(
            f"{len(winners)} of {len(names)} systems beat the best single model, chosen in advance, {where}"
            f"after correction for {len(compared)} comparisons; {len(losers)} {_were(losers)} worse {where}".rstrip()
            + "."
        )
        whole = [row for row in summary.rows if row.dataset == ALL and verdict(against(row, BEST)) == "better"]
        said += [_gain(row) for row in sorted(whole, key=lambda row: -_beside(row).gain.estimate)]
        said += [_gain(row) for row in sorted(won, key=lambda row: -_beside(row).gain.estimate)[:6]]
        if not won:
            said.append("No system was better than asking that one model alone; what is not worse is within the noise.")
        paid = [row for row in won if _survives(row)]
        repeated = [row for row in won if len(row.against) > 1]
        if repeated:
            said.append(
                f"{len(paid)} of {len(won)} such gains {'stands' if len(paid) == 1 else 'stand'} against what the best "
                f"model makes of the same tokens too (self-consistency, self-correction)."
            )
    failures = sum(row.failures for row in summary.rows if row.dataset in singles)
    if failures:
        said.append(f"{failures} trials have no score, because a model could not be asked; they are left out.")
    if summary.record.status != "done":
        said.append("The evaluation is not over: this is what is there so far.")
    return said


def _were(some: Sequence[str]) -> str:
    return "was" if len(some) == 1 else "were"


def _beside(row: Row) -> Against:
    found = against(row, BEST)
    assert found is not None
    return found


def _gain(row: Row) -> str:
    gain = _beside(row).gain
    return (
        f"{row.system} on {'everything' if row.dataset == ALL else row.dataset}: {100 * gain.estimate:+.1f} points "
        f"({100 * gain.low:+.1f} to {100 * gain.high:+.1f}), at {row.calls:.1f} calls for each item."
    )


def _survives(row: Row) -> bool:
    return all(verdict(beside) == "better" for beside in row.against)


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
    """The path that was best on the test items themselves: known only after the fact."""
    best: float | None
    """The best single model, chosen in advance."""


def paths(summary: Summary) -> list[Paths]:
    """Every group of paths on every dataset."""
    found: list[Paths] = []
    for dataset in datasets_of(summary):
        groups: dict[str, list[Row]] = defaultdict(list)
        for row in summary.rows:
            if row.dataset == dataset and "path" in row.facts:
                groups[row.group].append(row)
        best = summary.row(dataset, BEST)
        for group, rows in groups.items():
            fixed = summary.fixed.get(dataset, {}).get(group)
            found.append(
                Paths(
                    dataset,
                    group,
                    tuple(rows),
                    fmean(row.accuracy.estimate for row in rows),
                    next((row for row in rows if row.system == fixed), None),
                    max(rows, key=lambda row: row.accuracy.estimate),
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
    rows = [row for row in summary.rows if row.dataset == dataset and row.group == "online"]
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
    rows = [row for row in summary.rows if row.dataset == dataset and row.group == "rounds"]
    return sorted(rows, key=lambda row: int(row.facts["rounds"]))


__all__ = [
    "ALPHA",
    "BEST",
    "CORRECTIONS",
    "SAMPLES",
    "Curve",
    "Paths",
    "against",
    "datasets_of",
    "frontier",
    "headline",
    "online",
    "paths",
    "price",
    "rounds",
    "verdict",
]
