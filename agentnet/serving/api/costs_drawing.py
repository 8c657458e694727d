"""The drawing of a policy's evidence: the accuracy of every system over its cost, and the frontier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agentnet.contracts.intervals import wilson
from agentnet.contracts.policies import ALL, Estimate, Policy
from agentnet.evals.report.svg import Drawing, Scale, apart, linear, logarithmic, short, ticks
from agentnet.rendering.colours import PALETTE, colour_of

LEFT, TOP, BOTTOM = 46.0, 12.0, 46.0
NARROW = 560.0
"""Below this width, names stand in a list under the drawing."""
LINE = 19.0

STYLE = """
svg text { font-size: 12px; } svg text.tick { font-size: 11px; } .mark.system { fill: var(--soft); }
.mark.used, .leader.used { stroke: var(--ink); } .mark.used { stroke-width: 2; }
""" + "".join(f".mark.m{place} {{ fill: {colour.hex}; }}\n" for place, colour in enumerate(PALETTE))


@dataclass(frozen=True, slots=True)
class _Place:
    estimate: Estimate
    member: bool
    kind: str
    """Classes of its mark: the colour of a member, else that of systems."""
    on_frontier: bool
    used: bool


def draw_costs(policy: Policy, label: str, members: Sequence[str], width: float) -> str:
    """Draw the estimates of a kind of questions over tokens, on a logarithmic scale; `*` is all kinds.

    Members are dots in their own colours, other systems are squares. The frontier joins those that are better than
    every cheaper one, and the one that is used has a ring.
    """
    places = _places(policy, label, members)
    named = [place for place in places if place.on_frontier or place.used]
    narrow = width < NARROW
    right = width - (12.0 if narrow else 250.0)
    bottom = (340.0 if narrow else 400.0) - BOTTOM
    drawing = Drawing(width, bottom + BOTTOM + (LINE * len(named) + 10 if narrow else 0), _title(label))
    prices = [max(place.estimate.tokens, 1.0) for place in places]
    x = logarithmic(min(prices) * 0.85, max(prices) * 1.2, LEFT, right)
    y = linear(0.0, 100.0, bottom, TOP + 8)
    _axes(drawing, x, y, (min(prices) * 0.85, max(prices) * 1.2), (LEFT, right), bottom)
    _frontier(drawing, [place.estimate for place in places if place.on_frontier], x, y, right)
    for place in sorted(places, key=lambda one: (one.used, one.member)):
        _mark(drawing, place, x, y)
    if narrow:
        for number, place in enumerate(named):
            drawing.text(LEFT, bottom + BOTTOM + 12 + LINE * number, _said(place, 44), kind=_weight(place))
        return str(drawing)
    heights = apart([y(100 * place.estimate.accuracy) for place in named], 15, TOP + 4, bottom - 2)
    for place, height in zip(named, heights, strict=True):
        drawing.line(x(place.estimate.tokens), y(100 * place.estimate.accuracy), right + 8, height, "leader")
        drawing.text(right + 12, height + 4, _said(place, 40), kind=_weight(place))
    return str(drawing)


def _places(policy: Policy, label: str, members: Sequence[str]) -> list[_Place]:
    chosen = {choice.label: choice.use for choice in policy.choices}
    used = chosen.get(label, chosen.get(ALL, policy.default))
    found, best = [], -1.0
    for estimate in sorted((one for one in policy.estimates if one.label == label), key=lambda one: one.tokens):
        member = policy.candidate(estimate.candidate).member
        colour = colour_of(estimate.candidate, members) if member else None
        kind = "system" if colour is None else f"m{PALETTE.index(colour)}"
        first = estimate.accuracy > best
        best = max(best, estimate.accuracy)
        found.append(_Place(estimate, member, kind, first, estimate.candidate == used))
    return found


def _axes(
    drawing: Drawing, x: Scale, y: Scale, prices: tuple[float, float], sides: tuple[float, float], bottom: float
) -> None:
    for tick in ticks(0, 100, 5):
        drawing.line(sides[0], y(tick), sides[1], y(tick), "grid")
        drawing.text(sides[0] - 7, y(tick) + 4, f"{tick:.0f} %", "end", "tick")
    for tick in (factor * 10.0**power for power in range(9) for factor in (1, 2, 5)):
        if prices[0] <= tick <= prices[1]:
            drawing.line(x(tick), y(100), x(tick), bottom, "grid")
            drawing.text(x(tick), bottom + 17, f"{tick:g}", "middle", "tick")
    drawing.text(sum(sides) / 2, bottom + 36, "tokens for a question, prompts and replies", "middle", "tick")


def _frontier(drawing: Drawing, front: Sequence[Estimate], x: Scale, y: Scale, right: float) -> None:
    steps: list[tuple[float, float]] = []
    for estimate in front:
        at, height = x(max(estimate.tokens, 1.0)), y(100 * estimate.accuracy)
        steps += [(at, steps[-1][1]), (at, height)] if steps else [(at, height)]
    drawing.path([*steps, (right, steps[-1][1])], "frontier")


def _mark(drawing: Drawing, place: _Place, x: Scale, y: Scale) -> None:
    estimate = place.estimate
    at = x(max(estimate.tokens, 1.0))
    found = wilson(estimate.accuracy, estimate.items)
    drawing.line(at, y(100 * found.low), at, y(100 * found.high), "whisker")
    told = (
        f"{estimate.candidate}: {100 * estimate.accuracy:.1f} % of {estimate.items} "
        f"({100 * found.low:.1f} to {100 * found.high:.1f}), {estimate.tokens:.0f} tokens, {estimate.seconds:.2g} s"
    )
    shape, kind = "round" if place.member else "square", f"mark {place.kind}{' used' if place.used else ''}"
    drawing.mark(at, y(100 * estimate.accuracy), shape, kind, told, 7 if place.used else 5.5)


def _said(place: _Place, most: int) -> str:
    estimate = place.estimate
    return f"{100 * estimate.accuracy:.0f} %  {short(estimate.candidate, most - 6)}"


def _weight(place: _Place) -> str:
    return "label first" if place.used else "label"


def _title(label: str) -> str:
    return f"{'all kinds of questions' if label == ALL else label}: accuracy over tokens"
