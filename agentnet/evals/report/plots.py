"""The plots of a report, each from rows to an SVG drawing."""

from __future__ import annotations

from collections.abc import Sequence

from agentnet.evals.online import RATES
from agentnet.evals.report.findings import BEST, Curve, Paths, against, frontier, price, verdict
from agentnet.evals.report.svg import Drawing, apart, linear, logarithmic, ticks
from agentnet.evals.summary import Correlation, Row

WIDTH = 860.0
LINE = 22.0
NAMES = 250.0
"""Pixels for names on the left."""
MOST_NAMED = 26
"""Points of a plot that each get their name; of more, only the best."""


def forest(rows: Sequence[Row], dataset: str) -> str:
    """Paired differences to the best single model with their 95 % intervals, the largest first."""
    shown = [(row, beside) for row in rows if row.kind == "system" and (beside := against(row, BEST)) is not None]
    shown.sort(key=lambda pair: -pair[1].gain.estimate)
    if not shown:
        return ""
    low = 100 * min(0.0, *(beside.gain.low for _, beside in shown)) - 2
    high = 100 * max(0.0, *(beside.gain.high for _, beside in shown)) + 2
    height = LINE * len(shown) + 46
    drawing = Drawing(WIDTH, height, f"{dataset}: differences to the best single model, in points")
    x = linear(low, high, NAMES, WIDTH - 130)
    for tick in ticks(low, high):
        drawing.line(x(tick), 4, x(tick), height - 38, "zero" if tick == 0 else "grid")
        drawing.text(x(tick), height - 22, f"{tick:+.0f}" if tick else "0", "middle", "tick")
    drawing.text((NAMES + WIDTH - 130) / 2, height - 4, f"points over {BEST}", "middle", "tick")
    for place, (row, beside) in enumerate(shown):
        y, kind, gain = LINE * place + 16, verdict(beside), beside.gain
        told = f"{100 * gain.estimate:+.1f} ({100 * gain.low:+.1f} to {100 * gain.high:+.1f})"
        drawing.text(NAMES - 10, y + 4, _short(row.system), "end")
        drawing.line(x(100 * gain.low), y, x(100 * gain.high), y, f"bar {kind}")
        drawing.dot(x(100 * gain.estimate), y, f"mark {kind}", f"{row.system}: {told}, p {beside.corrected_p:.2g}")
        drawing.text(WIDTH - 122, y + 4, told, kind=f"tick {kind}")
    return str(drawing)


def cost_accuracy(rows: Sequence[Row], dataset: str) -> str:
    """Accuracy over what an item costs; a line joins those that nothing cheaper is better than."""
    cost = any(row.cost for row in rows)
    shown = [row for row in rows if price(row, cost) > 0 and row.kind != "best"]
    if len(shown) < 2:
        return ""
    prices = [price(row, cost) for row in shown]
    height, left, right = 420.0, 52.0, WIDTH - 210
    drawing = Drawing(WIDTH, height, f"{dataset}: accuracy over cost")
    x = logarithmic(min(prices) * 0.8, max(prices) * 1.3, left, right)
    lowest = min(row.accuracy.low for row in shown)
    y = linear(max(0.0, 100 * lowest - 3), 101.0, height - 44, 10)
    for tick in ticks(max(0.0, 100 * lowest - 3), 100, 7):
        drawing.line(left, y(tick), right, y(tick), "grid")
        drawing.text(left - 8, y(tick) + 4, f"{tick:.0f} %", "end", "tick")
    magnitude = [factor * 10.0**power for power in range(-7, 8) for factor in (1, 2, 5)]
    for tick in (one for one in magnitude if min(prices) * 0.8 <= one <= max(prices) * 1.3):
        drawing.line(x(tick), 10, x(tick), height - 44, "grid")
        drawing.text(x(tick), height - 26, f"{tick:g}", "middle", "tick")
    unit = "cost of an item, at the prices on the cards" if cost else "tokens for an item, prompt and reply"
    drawing.text((left + right) / 2, height - 6, f"{unit} (log scale)", "middle", "tick")
    best = frontier(shown, cost)
    steps: list[tuple[float, float]] = []
    for row in best:
        if steps:
            steps.append((x(price(row, cost)), steps[-1][1]))
        steps.append((x(price(row, cost)), y(100 * row.accuracy.estimate)))
    drawing.path([*steps, (right, steps[-1][1])], "frontier")
    for row in shown:
        at, estimate = x(price(row, cost)), 100 * row.accuracy.estimate
        drawing.line(at, y(100 * row.accuracy.low), at, y(100 * row.accuracy.high), "whisker")
        told = f"{row.system}: {estimate:.1f} % at {price(row, cost):.3g}"
        drawing.dot(at, y(estimate), f"mark {row.kind}", told)
    named = shown if len(shown) <= MOST_NAMED else best
    for row, place in zip(named, apart([y(100 * row.accuracy.estimate) for row in named], 14), strict=True):
        kind = "leader first" if row in best else "leader"
        drawing.line(x(price(row, cost)) + 6, y(100 * row.accuracy.estimate), right + 10, place, kind)
        drawing.text(right + 14, place + 4, _short(row.system, 30), kind="label" if row in best else "tick")
    return str(drawing)


def correlations(found: Sequence[Correlation], dataset: str) -> str:
    """How far the errors of each two members go together: full colour is always together, white is independently."""
    here = [one for one in found if one.dataset == dataset]
    names = list(dict.fromkeys(name for one in here for name in (one.one, one.other)))
    if len(names) < 2:
        return ""
    cell = 46.0
    left = 110.0
    drawing = Drawing(left + cell * len(names) + 20, cell * len(names) + 34, f"{dataset}: correlation of errors")
    known = {frozenset((one.one, one.other)): one.phi for one in here}
    for row, one in enumerate(names):
        drawing.text(left - 8, row * cell + cell / 2 + 4, _short(one, 14), "end")
        drawing.text(left + row * cell + cell / 2, cell * len(names) + 18, _short(one, 7), "middle", "tick")
        for column, other in enumerate(names):
            if row == column:
                continue
            phi = known.get(frozenset((one, other)))
            kind = "none" if phi is None else "together" if phi >= 0 else "opposed"
            told = "one of them is always right or always wrong" if phi is None else f"{phi:.2f}"
            drawing.box(
                left + column * cell, row * cell, cell - 2, cell - 2, f"cell {kind}", f"{one}, {other}: {told}",
                abs(phi) if phi is not None else 0.1,
            )  # fmt: skip
            if phi is not None:
                drawing.text(left + column * cell + cell / 2, row * cell + cell / 2 + 4, f"{phi:.2f}", "middle", "tick")
    return str(drawing)


def online_rates(curves: Sequence[Curve], dataset: str) -> str:
    """Expected accuracy over the probability that a member is there; single members dashed."""
    if not curves:
        return ""
    height, left, right = 360.0, 52.0, WIDTH - 210
    drawing = Drawing(WIDTH, height, f"{dataset}: accuracy where members are not always online")
    x, y = linear(RATES[0], RATES[-1], left, right), linear(0, 100, height - 44, 10)
    for tick in range(0, 101, 20):
        drawing.line(left, y(tick), right, y(tick), "grid")
        drawing.text(left - 8, y(tick) + 4, f"{tick} %", "end", "tick")
    for rate in RATES:
        drawing.text(x(rate), height - 26, f"{rate:.1f}", "middle", "tick")
    drawing.text((left + right) / 2, height - 6, "probability that a member is online", "middle", "tick")
    ends = apart([y(100 * curve.accuracy[-1]) for curve in curves], 15)
    for place, (curve, end) in enumerate(zip(curves, ends, strict=True)):
        points = [(x(rate), y(100 * share)) for rate, share in zip(RATES, curve.accuracy, strict=True)]
        drawing.path(points, f"curve c{place % 6}{' single' if curve.single else ''}")
        drawing.line(points[-1][0], points[-1][1], right + 10, end, "leader")
        drawing.text(right + 14, end + 4, _short(curve.name, 30), kind=f"label c{place % 6}")
    return str(drawing)


def path_strips(groups: Sequence[Paths], dataset: str) -> str:
    """Every order of every shape, with their mean, the one fixed in advance, and the winner after the fact."""
    here = [group for group in groups if group.dataset == dataset]
    if not here:
        return ""
    values = [row.accuracy for group in here for row in group.rows]
    best = here[0].best
    low = 100 * min(*(value.estimate for value in values), *([best] if best is not None else []), 1.0) - 4
    height, left = 58.0 * len(here) + 50, 110.0
    drawing = Drawing(WIDTH, height, f"{dataset}: all orders of each shape")
    x = linear(max(0.0, low), 100, left, WIDTH - 40)
    for tick in ticks(max(0.0, low), 100, 10):
        drawing.line(x(tick), 8, x(tick), height - 40, "grid")
        drawing.text(x(tick), height - 24, f"{tick:.0f} %", "middle", "tick")
    if best is not None:
        drawing.line(x(100 * best), 4, x(100 * best), height - 40, "zero")
        drawing.text(x(100 * best), height - 6, BEST, "middle", "tick")
    for place, group in enumerate(here):
        y = 58.0 * place + 34
        drawing.text(left - 10, y + 4, group.group, "end")
        for row in group.rows:
            kind = "fixed" if row is group.fixed else "after" if row is group.after else "open"
            told = f"{row.system}: {100 * row.accuracy.estimate:.1f} %"
            drawing.dot(x(100 * row.accuracy.estimate), y, f"mark {kind}", told, 6 if kind != "open" else 4.5)
        drawing.line(x(100 * group.mean), y - 14, x(100 * group.mean), y + 14, "mean")
    return str(drawing)


def over_rounds(rows: Sequence[Row], dataset: str, best: float | None) -> str:
    """Accuracy of a debate by its number of rounds, with intervals; the tokens stand below."""
    if len(rows) < 2:
        return ""
    height, left, right = 330.0, 52.0, WIDTH - 210
    drawing = Drawing(WIDTH, height, f"{dataset}: accuracy over rounds of debate")
    low = max(0.0, 100 * min(row.accuracy.low for row in rows) - 4)
    x, y = linear(0.5, len(rows) + 0.5, left, right), linear(low, 101, height - 60, 10)
    for tick in ticks(low, 100, 6):
        drawing.line(left, y(tick), right, y(tick), "grid")
        drawing.text(left - 8, y(tick) + 4, f"{tick:.0f} %", "end", "tick")
    if best is not None and 100 * best >= low:
        drawing.line(left, y(100 * best), right, y(100 * best), "zero")
        drawing.text(right + 14, y(100 * best) + 4, BEST)
    drawing.path([(x(place), y(100 * row.accuracy.estimate)) for place, row in enumerate(rows, 1)], "curve c1")
    for place, row in enumerate(rows, 1):
        drawing.line(x(place), y(100 * row.accuracy.low), x(place), y(100 * row.accuracy.high), "whisker")
        drawing.dot(x(place), y(100 * row.accuracy.estimate), "mark system", f"{100 * row.accuracy.estimate:.1f} %")
        drawing.text(x(place), height - 42, f"{row.facts['rounds']}", "middle", "tick")
        drawing.text(x(place), height - 26, f"{row.tokens:.0f} tokens", "middle", "tick")
    drawing.text((left + right) / 2, height - 6, "rounds, and tokens for an item", "middle", "tick")
    return str(drawing)


def _short(text: str, most: int = 36) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
