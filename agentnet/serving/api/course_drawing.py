"""The drawing of a profile's course: a strip for each label, with the interval, the answers, and the standings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from agentnet.evals.report.svg import Drawing, Scale, linear, short
from agentnet.profiles.course import Answer, Course, Period, Point, thinned
from agentnet.rendering.colours import colour_of

STRIP = 92.0
"""Height of a label's strip, in pixels."""
TOP, BOTTOM, RIGHT = 22.0, 34.0, 46.0
MOST_POINTS = 300
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
"""Seconds between two ticks; beyond the last one, whole days."""
DAY = 86400.0

STYLE = """
svg text { font-size: 12px; } svg text.tick { font-size: 11px; } svg text.first { font-size: 12.5px; }
.band { fill: var(--accent); fill-opacity: .16; stroke: none; }
.known { fill: none; stroke: var(--accent); stroke-width: 2; }
.right { stroke: var(--better); stroke-width: 1.6; } .wrong { stroke: var(--worse); stroke-width: 1.6; }
.mark.right { fill: var(--better); stroke: none; } .mark.wrong { fill: var(--worse); stroke: none; }
.standing.probation { fill: var(--gold); } .standing.expelled { fill: var(--worse); }
.floor { stroke: var(--ink); stroke-dasharray: 2 3; opacity: .6; }
text.probation { fill: var(--gold); } text.expelled { fill: var(--worse); }
"""


def style_of(member: str, members: Sequence[str], theme: str) -> str:
    """Return the rules of a course: in the member's own colour, darker on light and lighter on dark."""
    colour = colour_of(member, members)
    if colour is None:
        return STYLE
    mixed = "white 35%" if theme == "dark" else "black 10%"
    return f"{STYLE}svg {{ --accent: color-mix(in oklab, {colour.hex}, {mixed}); }}"


def draw_course(course: Course, member: str, width: float, *, floor: float, zone: float) -> str:
    """Draw a course. `floor` is what a newcomer has to be above; `zone` are the minutes from UTC to the reader's time.

    A short line at the foot of a strip is a graded answer, a diamond one that a user reported.
    """
    labels = [label for label, pieces in course.labels.items() if any(pieces)]
    labels.sort(key=lambda label: -sum(answer.label == label for answer in course.answers))
    times = [answer.time for answer in course.answers] + [period.time for period in course.periods]
    height = TOP + STRIP * max(1, len(labels)) + BOTTOM
    drawing = Drawing(width, height, f"{member}: what was known of it over time")
    start, end = min(times), max(times)
    span = max((end - start).total_seconds(), 10.0)
    end = start + timedelta(seconds=1.02 * span)
    x = linear(0.0, (end - start).total_seconds(), 4.0, width - RIGHT)
    _periods(drawing, course.periods, start, end, x, height)
    for number, label in enumerate(labels):
        top = TOP + STRIP * number
        y = linear(0.0, 1.0, top + STRIP - 16, top + 24)
        drawing.text(4, top + 14, short(label, int(width / 9)), kind="label first")
        for tick in (0.0, 0.5, 1.0):
            drawing.line(4, y(tick), width - RIGHT, y(tick), "grid")
            drawing.text(width - RIGHT + 6, y(tick) + 4, f"{100 * tick:.0f} %", kind="tick")
        drawing.line(4, y(floor), width - RIGHT, y(floor), "floor")
        pieces = [piece for piece in course.labels[label] if piece]
        for place, piece in enumerate(pieces):
            until = end if place == len(pieces) - 1 else pieces[place + 1][0].time
            _known(drawing, thinned(piece, MOST_POINTS), start, until, x, y)
        _answers(drawing, [one for one in course.answers if one.label == label], start, x, top + STRIP - 13)
    _axis(drawing, start, end, zone, x, height)
    return str(drawing)


def _known(drawing: Drawing, points: Sequence[Point], start: datetime, until: datetime, x: Scale, y: Scale) -> None:
    """Draw what was known as steps: each point holds until the next one."""
    places = [x((point.time - start).total_seconds()) for point in points]
    ends = [*places[1:], max(places[-1], x((until - start).total_seconds()))]
    above, below, line = [], [], []
    for point, left, right in zip(points, places, ends, strict=True):
        above += [(left, y(point.high)), (right, y(point.high))]
        below += [(left, y(point.low)), (right, y(point.low))]
        line += [(left, y(point.accuracy)), (right, y(point.accuracy))]
    drawing.path([*above, *reversed(below)], "band")
    drawing.path(line, "known")


def _answers(drawing: Drawing, answers: Sequence[Answer], start: datetime, x: Scale, y: float) -> None:
    for answer in answers:
        at, kind = x((answer.time - start).total_seconds()), "right" if answer.right else "wrong"
        if answer.source == "outcome":
            drawing.mark(at, y + 4, "diamond", f"mark {kind}", f"a user said: {kind}", 4)
        else:
            drawing.line(at, y, at, y + 8, kind)


def _periods(
    drawing: Drawing, periods: Sequence[Period], start: datetime, end: datetime, x: Scale, height: float
) -> None:
    """Shade the times at which the member did not count, and name every standing at its beginning."""
    ends = [*(period.time for period in periods[1:]), end]
    written = -math.inf
    for period, until in zip(periods, ends, strict=True):
        left, right = x((period.time - start).total_seconds()), x((until - start).total_seconds())
        if period.standing != "active":
            kind = f"standing {period.standing}"
            drawing.box(left, TOP, right - left, height - TOP - BOTTOM, kind, period.standing, 0.1)
        drawing.line(left, 4, left, height - BOTTOM, "grid")
        if left > written:
            drawing.text(left + 4, 13, period.standing, kind=f"tick {period.standing}")
            written = left + 6.2 * len(period.standing) + 8


def _axis(drawing: Drawing, start: datetime, end: datetime, zone: float, x: Scale, height: float) -> None:
    """Write times of the reader's day below the strips, at round ones."""
    width = x((end - start).total_seconds()) - x(0.0)
    most = max(2, int(width / 90))
    span = (end - start).total_seconds()
    step = float(next((one for one in STEPS if span / one <= most), DAY * math.ceil(span / most / DAY)))
    local = start.astimezone(UTC) + timedelta(minutes=zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    since = (local - midnight).total_seconds()
    tick = math.ceil(since / step) * step
    while tick - since <= span:
        time, at = midnight + timedelta(seconds=tick), x(tick - since)
        form = "%d %b" if step >= DAY else "%H:%M:%S" if step < 60 else "%H:%M"
        drawing.line(at, height - BOTTOM, at, height - BOTTOM + 5, "zero")
        anchor = "start" if at < 24 else "end" if at > x(span) - 12 else "middle"
        drawing.text(at, height - BOTTOM + 19, time.strftime(form), anchor, "tick")
        tick += step
