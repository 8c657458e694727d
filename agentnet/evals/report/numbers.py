"""How a report writes what `agentnet.evals.wording` does not."""

from __future__ import annotations

from agentnet.evals.report.findings import Verdict
from agentnet.evals.rivals import Against
from agentnet.evals.statistics import Interval

SIGNS: dict[Verdict, str] = {"better": "▲", "worse": "▼", "open": ""}


def bounds(share: Interval) -> str:
    return f"{100 * share.low:.1f}–{100 * share.high:.1f}"


def number(value: float | None, digits: int = 2) -> str:
    """A dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}"


def chance(p: float) -> str:
    """A p-value."""
    return "<0.0001" if p < 0.0001 else f"{p:.2g}"


def times(beside: Against) -> str:
    """How often the best member was asked again: a number, or that each dataset has its own."""
    count = beside.rival.rpartition("×")[2]
    return f"×{count}" if count.isdigit() else "×k by dataset"
