"""Profiles as a table for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentnet.contracts.profiles import Profile, StandingEvent, Timing

STYLES = {"active": "green", "probation": "yellow", "expelled": "red"}


def show_profiles(profiles: Sequence[Profile]) -> None:
    """Print what was measured: a line for each member, node and label."""
    from rich.text import Text

    from agentnet.cli.output import console, show_table, table

    if not profiles:
        console().print("Nothing was measured yet. Try: agentnet measure --family math", style="dim")
        return
    right = ("right", "at least", "canaries", "failed", "seconds", "p95", "first token", "tokens/s")
    rows = table("member", "node", "standing", "label", *right, right=right)
    for profile in profiles:
        failed = f"{profile.failures / profile.calls:.0%}" if profile.calls else ""
        speeds = (
            _number(profile.seconds, "median"), _number(profile.seconds, "p95"),
            _number(profile.first_token, "median"), _number(profile.speed, "median"),
        )  # fmt: skip
        known = [(label, one) for label, one in sorted(profile.labels.items()) if one.right + one.wrong > 0]
        for place, (label, one) in enumerate(known or [("", None)]):
            counts = ("", "", "") if one is None else _counts(one.right, one.wrong, one.bound, one.canaries)
            name = profile.seat.member if place == 0 else ""
            node = profile.seat.node[:8] if place == 0 else ""
            standing = Text(profile.standing if place == 0 else "", STYLES[profile.standing])
            tail = (failed, *speeds) if place == 0 else ("",) * 5
            rows.add_row(name, node, standing, label, *counts, *tail)
    show_table(rows, spare=("first token", "p95", "node"))


def show_events(events: Sequence[StandingEvent]) -> None:
    """Print changes of standing, oldest first."""
    from agentnet.cli.entry import printable
    from agentnet.cli.output import console

    for event in events:
        when = event.time.astimezone().strftime("%Y-%m-%d %H:%M")
        line = f"{when}  {event.seat.member} is {event.after}: {event.why}"
        console().print(printable(line), style=STYLES[event.after], soft_wrap=True)


def _counts(right: float, wrong: float, bound: float, canaries: int) -> tuple[str, str, str]:
    return f"{right:.4g} of {right + wrong:.4g}", f"{bound:.1%}", str(canaries or "")


def _number(timing: Timing, which: str) -> str:
    value: float | None = getattr(timing, which)
    return "" if value is None else f"{value:.3g}"
