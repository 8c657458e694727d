"""The plots of a living suite: what is right while members come and go, and what is known of them by then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from agentnet.contracts.evaluations import Standings
from agentnet.evals.living import AWAY, arrivals, schedule
from agentnet.evals.report.colours import painted
from agentnet.evals.report.plots import WIDTH
from agentnet.evals.report.svg import Drawing, Scale, apart, linear, short, ticks
from agentnet.evals.results import Summary
from agentnet.evals.suite import Change, SuiteSpec

LEAST_WINDOW = 20
"""The fewest questions whose mean is drawn."""
STRIP = 78.0
"""Height of a member's profile, in pixels."""


@dataclass(frozen=True, slots=True)
class Course:
    """The accuracy of a system over the questions before each question; the first window has none."""

    system: str
    accuracy: tuple[float, ...]


def window(summary: Summary) -> int:
    """Return how many questions the mean is taken over."""
    return max(LEAST_WINDOW, len(summary.items) // 10)


def courses(summary: Summary) -> list[Course]:
    """Return the accuracy of each system and of the best single model over time, in the order of arrival.

    Empty where the suite does not live, where there are fewer questions than are drawn together, and as long as the
    evaluation is not finished: questions arrive mixed, and are asked dataset by dataset.
    """
    suite = SuiteSpec.model_validate(summary.record.suite)
    count = window(summary)
    if suite.living is None or summary.record.status != "done" or len(summary.items) < 2 * count:
        return []
    order = arrivals(summary.items, suite.seed)
    kinds = {row.system: row.kind for row in summary.rows}
    found = []
    for name, scores in summary.grid.items():
        if kinds.get(name) in ("system", "best"):
            arrived = [scores[place] or 0.0 for place in order]
            means = tuple(fmean(arrived[end - count : end]) for end in range(count, len(arrived) + 1))
            found.append(Course(name, means))
    return found


def changes_of(summary: Summary) -> list[tuple[int, Change]]:
    """Return the changes of a living suite, each with the first question that meets it."""
    suite = SuiteSpec.model_validate(summary.record.suite)
    return [] if suite.living is None else schedule(suite.living, len(summary.items))


def over_time(summary: Summary) -> str:
    """Draw the accuracy of each system while the questions arrive, with the changes of the network."""
    found = courses(summary)
    if not found:
        return ""
    count, height, left, right, top = window(summary), 380.0, 52.0, WIDTH - 210, 34.0
    drawing = Drawing(WIDTH, height, "accuracy while members come, go, lie and fail")
    x = linear(0, len(summary.items), left, right)
    y = linear(0, 100, height - 44, top)
    for tick in range(0, 101, 20):
        drawing.line(left, y(tick), right, y(tick), "grid")
        drawing.text(left - 8, y(tick) + 4, f"{tick} %", "end", "tick")
    _time_axis(drawing, x, len(summary.items), left, right, height)
    _changes(drawing, summary, x, top, height - 44)
    ends = apart([y(100 * course.accuracy[-1]) for course in found], 15)
    for place, (course, end) in enumerate(zip(found, ends, strict=True)):
        points = [(x(count + number), y(100 * share)) for number, share in enumerate(course.accuracy)]
        drawing.path(points, f"curve c{place % 6}")
        drawing.line(points[-1][0], points[-1][1], right + 10, end, "leader")
        drawing.text(right + 14, end + 4, short(course.system, 28), kind=f"label c{place % 6}")
    return str(drawing)


def profiles_over_time(summary: Summary) -> str:
    """Draw the profile of every member over time: what is proven of it at each label, and its standing."""
    known = summary.record.standings
    if not known:
        return ""
    members = list(dict.fromkeys(one.member for one in known))
    labels = list(dict.fromkeys(item.label for item in summary.items))
    network = [agent.name for agent in summary.record.network.agents]
    count, left, right, top = len(summary.items), 110.0, WIDTH - 150, 34.0
    height = top + STRIP * len(members) + 44
    drawing = Drawing(WIDTH, height, "what is known of every member over time")
    x = linear(0, count, left, right)
    _time_axis(drawing, x, count, left, right, height)
    for place, member in enumerate(members):
        own = [one for one in known if one.member == member]
        low, high = top + STRIP * (place + 1) - 12, top + STRIP * place + 6
        y = linear(0, 100, low, high)
        drawing.text(
            left - 12, (low + high) / 2 + 4, short(member, 14), "end", f"label first{painted(member, network)}"
        )
        for tick in (0, 50, 100):
            drawing.line(left, y(tick), right, y(tick), "grid")
        drawing.text(right + 8, y(100) + 4, "100 %", kind="tick")
        drawing.text(right + 8, y(0) + 4, "0", kind="tick")
        ends = [*(one.question for one in own[1:]), count]
        _shade(drawing, own, ends, x, high, low)
        for number, label in enumerate(labels):
            for run in _runs(own, ends, label):
                drawing.path([(x(question), y(100 * share)) for question, share in run], f"curve c{number % 6}")
    _changes(drawing, summary, x, top - 4, height - 44)
    drawing.text(right + 50, top + 24, "kind of question", kind="tick")
    for number, label in enumerate(labels, 1):
        drawing.text(right + 50, top + 16 * number + 24, short(label, 14), kind=f"label c{(number - 1) % 6}")
    return str(drawing)


def _runs(own: Sequence[Standings], ends: Sequence[int], label: str) -> list[list[tuple[int, float]]]:
    """The steps of what is proven at a label, in pieces between which nothing is known."""
    runs: list[list[tuple[int, float]]] = []
    before = -1
    for one, end in zip(own, ends, strict=True):
        share = one.proven.get(label)
        if share is None:
            continue
        if one.question != before:
            runs.append([])
        runs[-1] += [(one.question, share), (end, share)]
        before = end
    return runs


def _shade(drawing: Drawing, own: Sequence[Standings], ends: Sequence[int], x: Scale, high: float, low: float) -> None:
    """Shade the times when a member is away, on probation or expelled; name each once."""
    begun: list[tuple[str, int, int]] = []
    for one, end in zip(own, ends, strict=True):
        if begun and begun[-1][0] == one.standing:
            begun[-1] = (one.standing, begun[-1][1], end)
        else:
            begun.append((one.standing, one.question, end))
    for standing, start, end in begun:
        if standing != "active" and end > start:
            drawing.box(x(start), high, x(end) - x(start), low - high, f"standing {standing}", standing, 0.32)
            if x(end) - x(start) > 8 * len(standing):
                drawing.text((x(start) + x(end)) / 2, (low + high) / 2 + 4, standing, "middle", "label")


def _changes(drawing: Drawing, summary: Summary, x: Scale, top: float, bottom: float) -> None:
    for number, (question, change) in enumerate(changes_of(summary)):
        drawing.line(x(question), top, x(question), bottom, "zero change")
        drawing.text(x(question), top - 4 - 13 * (number % 2), f"{change.member} {change.does}", "middle", "tick")


def _time_axis(drawing: Drawing, x: Scale, count: int, left: float, right: float, height: float) -> None:
    for tick in ticks(0, count, 10):
        drawing.text(x(tick), height - 26, f"{tick:.0f}", "middle", "tick")
    drawing.text((left + right) / 2, height - 6, "questions, in the order of their arrival", "middle", "tick")


def standings_table(summary: Summary) -> list[tuple[str, str, str, str, str]]:
    """Return every change of standing: member, question, standing, canaries by then, and what was proven."""
    shown: list[tuple[str, str, str, str, str]] = []
    latest: dict[str, str] = {}
    for one in summary.record.standings:
        if latest.get(one.member) != one.standing:
            latest[one.member] = one.standing
            proven = ", ".join(f"{label} {100 * share:.0f} %" for label, share in one.proven.items())
            why = one.why if one.standing != AWAY else ""
            shown.append((one.member, str(one.question), one.standing, str(one.canaries), proven or why))
    return shown
