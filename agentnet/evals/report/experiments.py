"""The plots of experiments: systems of one group are the points of one picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from agentnet.evals.online import RATES
from agentnet.evals.report.colours import painted
from agentnet.evals.report.findings import Curve, Pair, Paths
from agentnet.evals.report.plots import LINE, NAMES, WIDTH
from agentnet.evals.report.svg import Drawing, apart, linear, short, ticks
from agentnet.evals.results import Row
from agentnet.evals.systems import BEST

REMARKS = {"fixed": ", fixed in advance", "after": ", the best after the fact", "path": ""}
"""Kind of a dot → what its tooltip says behind the accuracy."""


def online_rates(curves: Sequence[Curve], dataset: str, members: Sequence[str]) -> str:
    """Draw expected accuracy over the probability that a member is online; single members are dashed.

    `members` are the network's, in its order.
    """
    if not curves:
        return ""
    height, left, right = 360.0, 52.0, WIDTH - 210
    drawing = Drawing(WIDTH, height, f"{dataset}: accuracy when members are offline at times")
    x, y = linear(RATES[0], RATES[-1], left, right), linear(0, 100, height - 44, 10)
    for tick in range(0, 101, 20):
        drawing.line(left, y(tick), right, y(tick), "grid")
        drawing.text(left - 8, y(tick) + 4, f"{tick} %", "end", "tick")
    for rate in RATES:
        drawing.text(x(rate), height - 26, f"{rate:.1f}", "middle", "tick")
    drawing.text((left + right) / 2, height - 6, "probability that a member is online", "middle", "tick")
    ends = apart([y(100 * curve.accuracy[-1]) for curve in curves], 15)
    for place, (curve, end) in enumerate(zip(curves, ends, strict=True)):
        look = painted(curve.name, members).strip() or f"c{place % 6}"
        points = [(x(rate), y(100 * share)) for rate, share in zip(RATES, curve.accuracy, strict=True)]
        drawing.path(points, f"curve {look}{' single' if curve.single else ''}")
        drawing.line(points[-1][0], points[-1][1], right + 10, end, "leader")
        drawing.text(right + 14, end + 4, short(curve.name, 30), kind=f"label {look}")
    return str(drawing)


def path_strips(groups: Sequence[Paths], dataset: str) -> str:
    """Draw every order of every shape, their mean, the order fixed in advance, and the winner after the fact."""
    here = [group for group in groups if group.dataset == dataset]
    if not here:
        return ""
    best = here[0].best
    low = 100 * min(1.0 if best is None else best, *(row.accuracy.estimate for group in here for row in group.rows)) - 4
    height, left = 58.0 * len(here) + 50, 110.0
    drawing = Drawing(WIDTH, height, f"{dataset}: all orders of each shape")
    x = linear(max(0.0, low), 100, left, WIDTH - 40)
    for tick in ticks(max(0.0, low), 100, 10):
        drawing.line(x(tick), 8, x(tick), height - 40, "grid")
        drawing.text(x(tick), height - 24, f"{tick:.0f} %", "middle", "tick")
    if best is not None:
        drawing.line(x(100 * best), 4, x(100 * best), height - 40, "zero")
        side = "middle" if left + 60 < x(100 * best) < WIDTH - 100 else "end" if x(100 * best) > left + 60 else "start"
        drawing.text(x(100 * best), height - 6, BEST, side, "tick")
    for place, group in enumerate(here):
        y = 58.0 * place + 34
        drawing.text(left - 10, y + 4, group.group, "end")
        shown = list({row.system: row for row in (group.after, group.fixed, *group.rows) if row is not None}.values())
        alike, seen = Counter(row.accuracy.estimate for row in shown), Counter[float]()
        for row in shown:
            kind = "fixed" if row is group.fixed else "after" if row is group.after else "path"
            told = f"{row.system}: {100 * row.accuracy.estimate:.1f} %{REMARKS[kind]}"
            aside = _aside(seen[row.accuracy.estimate], alike[row.accuracy.estimate])
            seen[row.accuracy.estimate] += 1
            drawing.dot(x(100 * row.accuracy.estimate), y + aside, f"mark {kind}", told, 5.5 if kind != "path" else 4)
        drawing.line(x(100 * group.mean), y - 14, x(100 * group.mean), y + 14, "mean")
    return str(drawing)


def _aside(number: int, of: int) -> float:
    """The pixels by which a dot is moved up or down, so that dots of equal accuracy stay apart."""
    return (number + 1) // 2 * min(9.0, 48 / of) * (1 if number % 2 else -1)


def over_rounds(rows: Sequence[Row], dataset: str, best: float | None) -> str:
    """Draw the accuracy of a debate by its number of rounds, with intervals, and its tokens below."""
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


def over_hops(found: Mapping[str, Sequence[Row]], dataset: str, best: float | None) -> str:
    """Draw the accuracy of `route` by its hops, a curve for each way to choose judges, and the tokens of each."""
    curves = {by: rows for by, rows in found.items() if len(rows) > 1}
    if not curves:
        return ""
    every = [row for rows in curves.values() for row in rows]
    numbers = sorted({int(row.facts["hops"]) for row in every})
    height, left, right = 330.0 + 16 * len(curves), 52.0, WIDTH - 210
    drawing = Drawing(WIDTH, height, f"{dataset}: accuracy over the hops of a route")
    low = max(0.0, 100 * min(row.accuracy.low for row in every) - 4)
    bottom = height - 60 - 16 * len(curves)
    x, y = linear(numbers[0] - 0.5, numbers[-1] + 0.5, left, right), linear(low, 101, bottom, 10)
    for tick in ticks(low, 100, 6):
        drawing.line(left, y(tick), right, y(tick), "grid")
        drawing.text(left - 8, y(tick) + 4, f"{tick:.0f} %", "end", "tick")
    if best is not None and 100 * best >= low:
        drawing.line(left, y(100 * best), right, y(100 * best), "zero")
    for number in numbers:
        drawing.text(x(number), bottom + 18, f"α = {number}", "middle", "tick")
    heights = [y(100 * rows[-1].accuracy.estimate) for rows in curves.values()]
    names = [(f"by {by}", f"label c{place % 6}") for place, by in enumerate(curves)]
    if best is not None and 100 * best >= low:
        heights, names = [*heights, y(100 * best)], [*names, (BEST, "tick")]
    for (name, kind), at in zip(names, apart(heights, 15, 14, bottom), strict=True):
        drawing.text(right + 14, at + 4, name, kind=kind)
    for place, (by, rows) in enumerate(curves.items()):
        points = [(x(int(row.facts["hops"])), y(100 * row.accuracy.estimate)) for row in rows]
        drawing.path(points, f"curve c{place % 6}")
        for row, (at, up) in zip(rows, points, strict=True):
            drawing.line(at, y(100 * row.accuracy.low), at, y(100 * row.accuracy.high), "whisker")
            drawing.dot(
                at, up, "mark system", f"{row.system}: {100 * row.accuracy.estimate:.1f} %, {row.tokens:.0f} tokens"
            )
            drawing.text(at, bottom + 36 + 16 * place, f"{row.tokens:.0f}", "middle", f"tick c{place % 6}")
        drawing.text(right + 14, bottom + 36 + 16 * place, f"tokens, by {by}", kind=f"label c{place % 6}")
    drawing.text((left + right) / 2, height - 6, "most hops of a route, and tokens for an item", "middle", "tick")
    return str(drawing)


def dumbbells(found: Mapping[str, Sequence[Pair]], dataset: str, members: Sequence[str]) -> str:
    """Draw every pair and its two members alone: a line leads from the better member to the pair.

    `members` are the network's, in its order.
    """
    groups = {by: some for by, some in found.items() if some}
    if not groups:
        return ""
    every = [pair for some in groups.values() for pair in some]
    low = max(0.0, 100 * min(row.accuracy.estimate for pair in every for row in (pair.row, pair.other)) - 3)
    height = LINE * len(every) + (LINE + 6) * len(groups) + 52
    drawing = Drawing(WIDTH, height, f"{dataset}: pairs of members, and each of the two alone")
    x = linear(low, 101, NAMES, WIDTH - 90)
    for tick in ticks(low, 100, 9):
        drawing.line(x(tick), 4, x(tick), height - 40, "grid")
        drawing.text(x(tick), height - 24, f"{tick:.0f} %", "middle", "tick")
    drawing.text((NAMES + WIDTH - 90) / 2, height - 6, "right answers", "middle", "tick")
    y = 16.0
    for by, some in groups.items():
        drawing.text(NAMES - 10, y + 8, short(by), "end", "label first")
        y += LINE + 6
        for pair in some:
            both, better, other = (100 * row.accuracy.estimate for row in (pair.row, pair.better, pair.other))
            kind = "up" if both > better else "down" if both < better else "level"
            drawing.text(NAMES - 10, y + 4, short(f"{pair.better.system} + {pair.other.system}"), "end")
            drawing.line(x(better), y, x(both), y, f"link {kind}")
            for alone, share, look in ((pair.other, other, "mark member open"), (pair.better, better, "mark member")):
                kind_of_mark = f"{look}{painted(alone.system, members)}"
                drawing.dot(x(share), y, kind_of_mark, f"{alone.system} alone: {share:.1f} %")
            drawing.mark(x(both), y, "square", "mark system", f"{pair.row.system}: {both:.1f} %")
            drawing.text(WIDTH - 82, y + 4, f"{both - better:+.1f}", kind=f"tick {kind}")
            y += LINE
    return str(drawing)
