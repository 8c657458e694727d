"""Numbers as people read them: in the terminal, in Markdown and on pages."""

from __future__ import annotations

from agentnet.evals.statistics import Interval


def percent(share: float | None) -> str:
    """Return a share as a percentage; a dash where there is none."""
    return "–" if share is None else f"{100 * share:.1f} %"


def counted(number: int, thing: str) -> str:
    """Return ``1 item``, ``2 items``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def points(gain: Interval) -> str:
    """Return a difference of shares in percentage points, with its interval."""
    return f"{100 * gain.estimate:+.1f} ({100 * gain.low:+.1f} to {100 * gain.high:+.1f})"
