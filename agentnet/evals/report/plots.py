"""The plots of every dataset: each is a function from rows to an SVG drawing."""

from __future__ import annotations

from collections.abc import Sequence

from agentnet.evals.formatting import points
from agentnet.evals.report.colours import painted
from agentnet.evals.report.findings import comparison_with, frontier, price, verdict
from agentnet.evals.report.svg import Drawing, Scale, apart, linear, logarithmic, short, ticks
from agentnet.evals.results import Correlation, Row
from agentnet.evals.systems import BEST

WIDTH = 860.0
COSTS = 440.0
"""Height of the plot of costs, in pixels."""
LINE = 22.0
NAMES = 250.0
"""Width of the names on the left, in pixels."""
MOST_NAMED = 26
"""The most points of a plot that all get a name; with more points, only those on the frontier do."""
MARKS = {"best": "star", "member": "round", "system": "square", "samples": "triangle", "corrections": "diamond"}
"""Kind of a system → the shape of its mark."""
DRAWN = ("member", "samples", "corrections", "system", "best")
"""Kinds of systems in the order in which they are drawn: later ones cover earlier ones."""


def forest(rows: Sequence[Row], dataset: str) -> str:
    """Draw paired differences to the best single model with their 95 % intervals, the largest first."""
    shown = [(row, found) for row in rows if row.kind == "system" and (found := comparison_with(row, BEST)) is not None]
    shown.sort(key=lambda pair: -pair[1].gain.estimate)
    if not shown:
        return ""
    low = 100 * min(0.0, *(comparison.gain.low for _, comparison in shown)) - 2
    high = 100 * max(0.0, *(comparison.gain.high for _, comparison in shown)) + 2
    height = LINE * len(shown) + 46
    drawing = Drawing(WIDTH, height, f"{dataset}: differences to the best single model, in points")
    x = linear(low, high, NAMES, WIDTH - 165)
    for tick in ticks(low, high):
        drawing.line(x(tick), 4, x(tick), height - 38, "zero" if tick == 0 else "grid")
        drawing.text(x(tick), height - 22, f"{tick:+.0f}" if tick else "0", "middle", "tick")
    drawing.text((NAMES + WIDTH - 165) / 2, height - 4, f"points over {BEST}", "middle", "tick")
    for place, (row, comparison) in enumerate(shown):
        y, kind, gain = LINE * place + 16, verdict(comparison), comparison.gain
        told = points(gain)
        drawing.text(NAMES - 10, y + 4, short(row.system), "end")
        drawing.line(x(100 * gain.low), y, x(100 * gain.high), y, f"bar {kind}")
        drawing.dot(x(100 * gain.estimate), y, f"mark {kind}", f"{row.system}: {told}, p {comparison.corrected_p:.2g}")
        drawing.text(WIDTH - 157, y + 4, told, kind=f"tick {kind}")
    return str(drawing)


def cost_accuracy(rows: Sequence[Row], dataset: str, chosen: Sequence[str], members: Sequence[str]) -> str:
    """Draw accuracy over the cost of an item. A line joins the systems that are better than every cheaper one.

    The best single model has its own mark, in place of its mark as a member. Dotted lines join it with its own
    self-consistency and self-correction at more tokens. `members` are the network's, in its order.
    """
    cost = any(row.cost for row in rows)
    shown = [row for row in rows if price(row, cost) > 0]
    if len(chosen) == 1 and any(row.kind == "best" for row in shown):
        shown = [row for row in shown if (row.kind, row.system) != ("member", chosen[0])]
    if len(shown) < 2:
        return ""
    prices = [price(row, cost) for row in shown]
    height, left, right = COSTS, 52.0, WIDTH - 220
    low, high = min(prices) * 0.8, max(prices) * 1.25
    lowest = max(0.0, 100 * min(row.accuracy.low for row in shown) - 3)
    drawing = Drawing(WIDTH, height, f"{dataset}: accuracy over {'cost' if cost else 'tokens'} of an item")
    x, y = logarithmic(low, high, left, right), linear(lowest, 102.0, height - 44, 10)
    for tick in ticks(lowest, 100, 7):
        drawing.line(left, y(tick), right, y(tick), "grid")
        drawing.text(left - 8, y(tick) + 4, f"{tick:.0f} %", "end", "tick")
    magnitude = [factor * 10.0**power for power in range(-9, 10) for factor in (1, 2, 5)]
    for tick in (one for one in magnitude if low <= one <= high):
        drawing.line(x(tick), 10, x(tick), height - 44, "grid")
        drawing.text(x(tick), height - 26, f"{tick:g}", "middle", "tick")
    unit = "cost of an item, at the prices on the cards" if cost else "tokens for an item, prompt and reply"
    drawing.text((left + right) / 2, height - 6, f"{unit} (log scale)", "middle", "tick")
    front = frontier(shown, cost)
    steps: list[tuple[float, float]] = []
    for row in front:
        if steps:
            steps.append((x(price(row, cost)), steps[-1][1]))
        steps.append((x(price(row, cost)), y(100 * row.accuracy.estimate)))
    drawing.path([*steps, (right, steps[-1][1])], "frontier")
    for kind in ("samples", "corrections"):
        again = sorted((row for row in shown if row.kind in ("best", kind)), key=lambda row: price(row, cost))
        if len(again) > 1:
            drawing.path([(x(price(row, cost)), y(100 * row.accuracy.estimate)) for row in again], f"again {kind}")
    _name(drawing, shown, front, cost, x, y, right, members)
    for row in sorted(shown, key=lambda row: DRAWN.index(row.kind)):
        at, estimate, name = x(price(row, cost)), 100 * row.accuracy.estimate, _called(row, chosen)
        told = f"{name}: {estimate:.1f} % ({100 * row.accuracy.low:.1f} to {100 * row.accuracy.high:.1f})"
        drawing.line(at, y(100 * row.accuracy.low), at, y(100 * row.accuracy.high), "whisker")
        told += f", {price(row, cost):.3g} {'' if cost else 'tokens '}for an item"
        look = f"mark {row.kind}{painted(row.system, members)}"
        drawing.mark(at, y(estimate), MARKS[row.kind], look, told, 6 if row.kind == "best" else 5)
    return str(drawing)


def _name(
    drawing: Drawing,
    shown: Sequence[Row],
    front: Sequence[Row],
    cost: bool,
    x: Scale,
    y: Scale,
    right: float,
    members: Sequence[str],
) -> None:
    """Names on the right, each with a line to its point: the best model, systems, members, and the frontier."""
    named = [row for row in shown if row.kind not in ("samples", "corrections") or row in front]
    if len(named) > MOST_NAMED:
        named = [row for row in named if row in front or row.kind == "best"]
    named += [rows[-1] for kind in ("samples", "corrections") if (rows := [r for r in shown if r.kind == kind])]
    named = list({row.system: row for row in named}.values())
    heights = apart([y(100 * row.accuracy.estimate) for row in named], 14, 14, COSTS - 16)
    for row, place in zip(named, heights, strict=True):
        look = "label first" if row in front or row.kind == "best" else "tick"
        drawing.line(x(price(row, cost)), y(100 * row.accuracy.estimate), right + 10, place, "leader")
        drawing.text(right + 14, place + 4, short(row.system, 28), kind=f"{look}{painted(row.system, members)}")


def _called(row: Row, chosen: Sequence[str]) -> str:
    return f"{row.system} ({', '.join(chosen)})" if row.kind == "best" else row.system


def correlations(found: Sequence[Correlation], dataset: str, members: Sequence[str]) -> str:
    """Draw the correlation of the errors of each two members: full colour is 1 or −1, white is 0."""
    here = [one for one in found if one.dataset == dataset]
    names = list(dict.fromkeys(name for one in here for name in (one.one, one.other)))
    if all(one.phi is None for one in here):
        return ""
    cell, tall = 58.0, 36.0
    left = 120.0
    drawing = Drawing(left + cell * len(names) + 8, tall * len(names) + 26, f"{dataset}: correlation of errors")
    known = {frozenset((one.one, one.other)): one.phi for one in here}
    for row, one in enumerate(names):
        drawing.text(left - 8, row * tall + tall / 2 + 4, short(one, 15), "end", f"label{painted(one, members)}")
        drawing.text(
            left + row * cell + cell / 2,
            tall * len(names) + 18,
            short(one, 8),
            "middle",
            f"tick{painted(one, members)}",
        )
        for column, other in enumerate(names):
            if row == column:
                continue
            phi = known.get(frozenset((one, other)))
            kind = "none" if phi is None else "together" if phi >= 0 else "opposed"
            told = "one of them is always right or always wrong" if phi is None else f"{phi:.2f}"
            drawing.box(
                left + column * cell, row * tall, cell - 2, tall - 2, f"cell {kind}", f"{one}, {other}: {told}",
                0.08 + 0.72 * abs(phi) if phi is not None else 0.1,
            )  # fmt: skip
            number = "–" if phi is None else f"{phi:.2f}"
            drawing.text(left + column * cell + cell / 2 - 1, row * tall + tall / 2 + 3, number, "middle", "number")
    return str(drawing)
