"""How a report writes numbers; nothing is written as a dash."""

from __future__ import annotations

from agentnet.evals.report.findings import Verdict
from agentnet.evals.rivals import Against
from agentnet.evals.statistics import Interval

NOTHING = "–"
SIGNS: dict[Verdict, str] = {"better": "▲", "worse": "▼", "open": ""}


def percent(share: float | None, digits: int = 1) -> str:
    return NOTHING if share is None else f"{100 * share:.{digits}f} %"


def bounds(share: Interval) -> str:
    return f"{100 * share.low:.1f}–{100 * share.high:.1f}"


def points(gain: Interval) -> str:
    return f"{100 * gain.estimate:+.1f} ({100 * gain.low:+.1f} to {100 * gain.high:+.1f})"


def number(value: float | None, digits: int = 2) -> str:
    return NOTHING if value is None else f"{value:.{digits}f}"


def chance(p: float) -> str:
    """A p-value."""
    return "<0.0001" if p < 0.0001 else f"{p:.2g}"


def times(beside: Against) -> str:
    """How often the best member was asked again: a number, or that each dataset has its own."""
    count = beside.rival.rpartition("×")[2]
    return f"×{count}" if count.isdigit() else "×k by dataset"
