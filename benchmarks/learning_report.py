"""What repeated learning shows, as a table and as a drawing: accuracy and expense beside the best single model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

WIDTH, HEIGHT, MARGIN = 560, 320, 60
DEFAULT = 0.01
"""The tolerated loss whose rounds are listed: the default of a policy."""


@dataclass(frozen=True)
class Round:
    """What a policy did on the questions that it did not learn from."""

    seed: int
    questions: int
    default: str
    best: str
    """The member that did best on these very questions: known only after the fact."""
    used: tuple[str, ...]
    accuracy: float
    of_best: float
    expense: float
    """Money (tokens where nothing has a price) divided by that of `best`."""

    @property
    def gain(self) -> float:
        """Accuracy minus that of the best member."""
        return self.accuracy - self.of_best


@dataclass(frozen=True)
class Frontier:
    """The rounds at one tolerated loss; None where the default terms were used."""

    epsilon: float | None
    rounds: tuple[Round, ...]

    def interval(self, values: Sequence[float]) -> tuple[float, float, float]:
        """Return the mean over the rounds, and the 2.5 % and 97.5 % quantiles."""
        low, high = np.quantile(values, [0.025, 0.975])
        return float(np.mean(values)), float(low), float(high)


def written(
    suite: str, what: str, calibration: int, candidates: int, found: Mapping[str, Sequence[Frontier]], out: Path | None
) -> None:
    """Print a report, and write it into a folder, with the drawing where there are several points."""
    lines = [
        f"# {what}: {suite}",
        "",
        f"{calibration} calibration questions in each round; {candidates} candidates. Accuracy and expense (money, or "
        "tokens where nothing has a price) are those of all other questions, beside the member that was best on these "
        "very questions, which is known only after the fact.",
    ]
    for title, frontier in found.items():
        lines += ["", f"## {title}", "", *_table(frontier)]
    for frontier in found.values():
        shown = next((point for point in frontier if point.epsilon == DEFAULT), frontier[0])
        lines += ["", "## Rounds", "", *_rounds(shown)]
    text = "\n".join(lines) + "\n"
    print(text)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "report.md").write_text(text, encoding="utf-8")
        for frontier in found.values():
            if len(frontier) > 1:
                (out / "frontier.svg").write_text(drawn(frontier), encoding="utf-8")


def _table(frontier: Sequence[Frontier]) -> list[str]:
    lines = [
        "| tolerated loss | gain over best single, points | worst | never more than 1 below | within 0.5 and 1.02 × | "
        "expense ÷ best single | rounds that collaborate |",
        "|---|---|---|---|---|---|---|",
    ]
    for point in frontier:
        rounds = point.rounds
        gain = point.interval([100 * one.gain for one in rounds])
        expense = point.interval([one.expense for one in rounds])
        near = sum(one.gain >= -0.01 for one in rounds)
        same = sum(abs(one.gain) <= 0.005 and one.expense <= 1.02 for one in rounds)
        other = sum(one.used != (one.default,) for one in rounds)
        lines.append(
            f"| {'default' if point.epsilon is None else f'{100 * point.epsilon:g} points'} "
            f"| {gain[0]:+.2f} ({gain[1]:+.2f} to {gain[2]:+.2f}) | {min(100 * one.gain for one in rounds):+.2f} "
            f"| {near} of {len(rounds)} | {same} of {len(rounds)} "
            f"| {expense[0]:.3f} ({expense[1]:.3f} to {expense[2]:.3f}) | {other} of {len(rounds)} |"
        )
    return lines


def _rounds(point: Frontier) -> list[str]:
    told = "default terms" if point.epsilon is None else f"tolerated loss {100 * point.epsilon:g} points"
    return [
        f"{told}:",
        "",
        "| seed | questions | default | best afterwards | used | right | best right | expense |",
        "|---|---|---|---|---|---|---|---|",
        *(
            f"| {one.seed} | {one.questions} | {one.default} | {one.best} | {'; '.join(one.used)} "
            f"| {100 * one.accuracy:.2f} % | {100 * one.of_best:.2f} % | {one.expense:.3f} |"
            for one in point.rounds
        ),
    ]


def drawn(frontier: Sequence[Frontier]) -> str:
    """Return the accuracy–cost frontier as SVG: the mean of each tolerated loss, and every round as a faint dot."""
    expense = [one.expense for point in frontier for one in point.rounds] + [1.0]
    gain = [100 * one.gain for point in frontier for one in point.rounds] + [0.0]
    left, right = min(expense) - 0.03, max(expense) + 0.03
    low, high = min(gain) - 0.5, max(gain) + 0.5

    def at(x: float, y: float) -> tuple[float, float]:
        across = MARGIN + (x - left) / (right - left) * (WIDTH - 1.5 * MARGIN)
        return across, HEIGHT - MARGIN - (y - low) / (high - low) * (HEIGHT - 1.5 * MARGIN)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 16}" text-anchor="middle">expense ÷ best single model</text>',
        f'<text x="16" y="{HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 16 {HEIGHT / 2})">'
        "points over best single model</text>",
    ]
    for step in np.linspace(left, right, 6):
        x, y = at(float(step), low)
        parts.append(f'<text x="{x:.1f}" y="{y + 16:.1f}" text-anchor="middle" fill="#555">{step:.2f}</text>')
    for step in np.linspace(low, high, 6):
        x, y = at(left, float(step))
        parts.append(f'<text x="{x - 6:.1f}" y="{y + 4:.1f}" text-anchor="end" fill="#555">{step:+.1f}</text>')
        parts.append(f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{at(right, 0)[0]:.1f}" y2="{y:.1f}" stroke="#eee"/>')
    for point in frontier:
        for one in point.rounds:
            x, y = at(one.expense, 100 * one.gain)
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="#3366aa" opacity="0.25"/>')
    middle = [
        (at(float(np.mean([one.expense for one in p.rounds])), 100 * float(np.mean([one.gain for one in p.rounds]))), p)
        for p in frontier
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for (x, y), _ in middle)
    parts.append(f'<polyline points="{line}" fill="none" stroke="#3366aa"/>')
    for (x, y), point in middle:
        told = f"{100 * (point.epsilon or 0):g}"
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#3366aa"><title>loss {told}</title></circle>')
        parts.append(f'<text x="{x + 6:.1f}" y="{y - 6:.1f}">{told}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
