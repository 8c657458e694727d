"""Numbers and signs that only reports write; the others are in `agentnet.evals.formatting`."""

from __future__ import annotations

from agentnet.evals.report.findings import Verdict
from agentnet.evals.results import BaselineComparison
from agentnet.evals.statistics import Interval

SIGNS: dict[Verdict, str] = {"better": "▲", "worse": "▼", "open": ""}


def bounds(share: Interval) -> str:
    """Return the interval of a share, in per cent."""
    return f"{100 * share.low:.1f}–{100 * share.high:.1f}"


def number(value: float | None, digits: int = 2) -> str:
    """Return a number with some digits; a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}"


def chance(p: float) -> str:
    """Return a p-value with two significant digits."""
    return "<0.0001" if p < 0.0001 else f"{p:.2g}"


def times(comparison: BaselineComparison) -> str:
    """Return how often a baseline asked the best member: a number, or that it differs between datasets."""
    count = comparison.baseline.rpartition("×")[2]
    return f"×{count}" if count.isdigit() else "×k by dataset"
