"""The tests of members, simulated: who passes the floor, who is expelled, and how soon a turncoat is noticed.

Members answer by independent draws. "Honest" ones give exactly what they owe (p0), the least that the promise is about,
or were calibrated on 100 questions and owe the lower bound of that. Every row uses the package's own tests
(`agentnet.profiles`), with the bounds of a network's defaults. Nothing is asked and no time is measured, so the rows
are the same on every machine.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from agentnet.contracts.intervals import beta_lower
from agentnet.contracts.profiles import Canaries
from agentnet.profiles import sequential
from agentnet.profiles.books import SUSPECTED
from agentnet.profiles.prober import next_label

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

OWED = (0.9, 0.75, 0.6, 0.42)
FAMILIES = ("math", "facts", "reading", "symbols", "compound")
RULES = Canaries()
LARGEST = 600.0
"""Logarithms beyond it would overflow; every bound is far below."""


@dataclass(frozen=True)
class Watched:
    """What became of simulated members. Shape of the arrays: [members]; 0 where it did not happen."""

    expelled: Counts
    """The canary at which the ratio from the start reached its bound."""
    drifted: Counts
    """The canary at which the CUSUM first reached its bound."""
    suspected: float
    """Share of the time in which a member that is still there is suspected."""


def watch(owed: Floats, right: npt.NDArray[np.bool_]) -> Watched:
    """Return what the tests make of members.

    `owed` is what they owe, of shape [members], and `right` what they answer, of shape [canaries, members].
    """
    hits = np.array([sequential.steps(p0, True) for p0 in owed])
    misses = np.array([sequential.steps(p0, False) for p0 in owed])
    weights = np.array([weight for _, weight in sequential.ALTERNATIVES])
    ratios, sums = np.zeros_like(hits), np.zeros_like(hits)
    expelled, drifted = (np.zeros(len(owed), np.int64) for _ in range(2))
    suspected = 0.0
    for number, answers in enumerate(right, 1):
        step = np.where(answers[:, None], hits, misses)
        ratios, sums = ratios + step, np.maximum(0.0, sums + step)
        ratio, drift = (np.exp(np.minimum(logs, LARGEST)) @ weights for logs in (ratios, sums))
        expelled[(expelled == 0) & (ratio >= 1 / RULES.expel_error)] = number
        drifted[(drifted == 0) & (drift >= RULES.drift_run)] = number
        there = (expelled == 0) & (drifted == 0)
        suspected += float(np.mean(drift[there] >= SUSPECTED)) if there.any() else 0.0
    return Watched(expelled, drifted, suspected / len(right))


def answers(accuracy: float | Floats, canaries: int, members: int, draw: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Return right and wrong answers by chance. Shape: [canaries, members]."""
    drawn: npt.NDArray[np.bool_] = draw.random((canaries, members)) < accuracy
    return drawn


def admission(accuracies: Sequence[float], draw: random.Random, most: int) -> tuple[int | None, str | None]:
    """Return after how many canaries a newcomer passes, and at which label; None if not within so many.

    `accuracies` are those at each of `FAMILIES`.
    """
    tried = dict.fromkeys(FAMILIES[: len(accuracies)], (0, 0))
    able = dict(zip(tried, accuracies, strict=True))
    for canary in range(1, most + 1):
        label = next_label(tried, RULES.floor, draw)
        hit = draw.random() < able[label]
        tried[label] = (tried[label][0] + hit, tried[label][1] + (not hit))
        if sequential.above_floor(*tried[label], RULES.floor) >= -math.log(RULES.floor_error):
            return canary, label
    return None, None


def honest_and_lying(members: int, canaries: int, draw: np.random.Generator) -> Table:
    """Return the table of expulsion: members that give what they owe, and members that do not."""
    table = Table(title=f"Expulsion and drift; {members:,} members, {canaries:,} canaries each", title_justify="left")
    for name in (
        "owes p0", "gives", "expelled", "false alarms of drift", "canaries to expulsion: median, 95 %", "suspected",
    ):  # fmt: skip
        table.add_column(name, justify="right")
    for p0 in OWED:
        for name, accuracy, count in (("p0", p0, canaries), ("2/3 p0", p0 * 2 / 3, 400), ("nothing", 0.0, 60)):
            owed = np.full(members if accuracy == p0 else members // 50, p0)
            found = watch(owed, answers(accuracy, count, len(owed), draw))
            _add(table, f"{p0:g}", name, found, honest=accuracy == p0)
    calibrated = draw.uniform(0.4, 0.98, members)
    right = draw.binomial(100, calibrated)
    owed = np.array([min(beta_lower(hits, 100 - hits), sequential.MOST_OWED) for hits in right])
    _add(table, "by 100 questions", "as then", watch(owed, answers(calibrated, canaries, members, draw)), honest=True)
    return table


def _add(table: Table, owed: str, gives: str, found: Watched, *, honest: bool) -> None:
    out = found.expelled[found.expelled > 0]
    middle = f"{np.median(out):.0f}, {np.quantile(out, 0.95):.0f}" if len(out) and not honest else ""
    alarms = f"{(found.drifted > 0).sum()} members" if honest else ""
    suspected = f"{found.suspected:.1%} of the time" if honest else ""
    table.add_row(owed, gives, f"{len(out) / len(found.expelled):.2%}", alarms, middle, suspected)


def turncoats(members: int, draw: np.random.Generator) -> Table:
    """Return the table of members that lie after 500 honest answers."""
    table = Table(title="Turncoats: 500 honest canaries (5 points above p0), then lies", title_justify="left")
    for name in ("owes p0", "ratio from the start: median", "CUSUM: median, 95 %"):
        table.add_column(name, justify="right")
    for p0 in OWED:
        right = np.concatenate([answers(p0 + 0.05, 500, members, draw), answers(0.0, 400, members, draw)])
        found = watch(np.full(members, p0), right)
        late = found.expelled[found.expelled > 500] - 500
        noticed = found.drifted[found.drifted > 500] - 500
        ratio = f"{np.median(late):.0f}" if len(late) > members / 2 else "> 400"
        table.add_row(f"{p0:g}", ratio, f"{np.median(noticed):.0f}, {np.quantile(noticed, 0.95):.0f}")
    return table


def newcomers(members: int, draw: random.Random) -> Table:
    """Return the table of probation: who counts within 30 canaries, and who ever does."""
    table = Table(title=f"Probation at the floor {RULES.floor:g}; {members:,} newcomers", title_justify="left")
    for name in ("newcomer", "counts within 30", "canaries: median, 95 %", "ever, of 300"):
        table.add_column(name, justify="right" if name != "newcomer" else "left")
    kinds = {
        "specialist, right on 100 % of one label of five": ((1.0, 0, 0, 0, 0), 30),
        "specialist, 95 %": ((0.95, 0.05, 0.05, 0.05, 0.05), 30),
        "specialist, 90 %": ((0.9, 0.1, 0.1, 0.1, 0.1), 30),
        "generalist, 90 % of all five": ((0.9,) * 5, 30),
        "one label, 90 %": ((0.9,), 30),
        "exactly at the floor, one label": ((RULES.floor,), 300),
        "exactly at the floor, five labels": ((RULES.floor,) * 5, 300),
        "always wrong": ((0.0,) * 5, 300),
    }
    for name, (accuracies, most) in kinds.items():
        passed = [canary for _ in range(members) if (canary := admission(accuracies, draw, most)[0]) is not None]
        soon = sum(canary <= 30 for canary in passed) / members
        middle = f"{np.median(passed):.0f}, {np.quantile(passed, 0.95):.0f}" if passed and most == 30 else ""
        table.add_row(name, f"{soon:.1%}", middle, f"{len(passed) / members:.1%}" if most > 30 else "")
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.expulsion", description=__doc__)
    parser.add_argument("--members", type=int, default=50_000)
    parser.add_argument("--canaries", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    console = Console(width=140)
    draw = np.random.default_rng(chosen.seed)
    console.print(honest_and_lying(chosen.members, chosen.canaries, draw))
    console.print(turncoats(max(20, chosen.members // 100), draw))
    console.print(newcomers(max(20, chosen.members // 50), random.Random(chosen.seed)))
    console.print(
        f"Bounds: a member that gives what it owes is ever expelled with a probability of at most "
        f"{RULES.expel_error:.1%}; drift: at least {RULES.drift_run - 1:,.0f} canaries between two false alarms, on "
        f"average; one at most at the floor ever counts with at most {RULES.floor_error:.0%} for each label."
    )


if __name__ == "__main__":
    main()
