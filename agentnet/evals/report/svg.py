"""Small SVG drawings: a canvas with a scale on each side. Colours are classes, so that they follow the page's theme."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from itertools import pairwise

Scale = Callable[[float], float]


def linear(low: float, high: float, start: float, end: float) -> Scale:
    """Return a scale from values between `low` and `high` to pixels between `start` and `end`."""
    span = (high - low) or 1.0
    return lambda value: start + (value - low) / span * (end - start)


def logarithmic(low: float, high: float, start: float, end: float) -> Scale:
    """Return a logarithmic scale. Values must be above zero."""
    inner = linear(math.log10(low), math.log10(high), start, end)
    return lambda value: inner(math.log10(value))


def _star(points: int, inner: float) -> tuple[tuple[float, float], ...]:
    turns = (math.pi * (place / points - 0.5) for place in range(2 * points))
    lengths = (1.5 if place % 2 == 0 else inner for place in range(2 * points))
    return tuple(
        (length * math.cos(turn), length * math.sin(turn)) for turn, length in zip(turns, lengths, strict=True)
    )


SHAPES = {
    "star": _star(5, 0.65),
    "diamond": ((0, -1.25), (1.25, 0), (0, 1.25), (-1.25, 0)),
    "triangle": ((0, -1.25), (1.2, 0.95), (-1.2, 0.95)),
    "square": ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
}
"""Shape → its corners around a centre, of about unit size."""


class Drawing:
    """An SVG picture. Sizes and positions are in pixels; screen readers read the title."""

    def __init__(self, width: float, height: float, title: str) -> None:
        self._size, self._title = (width, height), title
        self._parts: list[str] = []

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str = "axis") -> None:
        self._parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>')

    def dot(self, x: float, y: float, kind: str, told: str = "", radius: float = 4.5) -> None:
        """Draw a round point with `told` as its tooltip."""
        title = f"<title>{escape(told)}</title>" if told else ""
        self._parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" class="{kind}">{title}</circle>')

    def mark(self, x: float, y: float, shape: str, kind: str, told: str = "", size: float = 5.0) -> None:
        """Draw a point of a shape (`SHAPES`, else round), so that kinds differ in shape as well as in colour."""
        if shape not in SHAPES:
            return self.dot(x, y, kind, told, size - 0.5)
        corners = " ".join(f"{x + size * dx:.1f},{y + size * dy:.1f}" for dx, dy in SHAPES[shape])
        title = f"<title>{escape(told)}</title>" if told else ""
        self._parts.append(f'<polygon points="{corners}" class="{kind}">{title}</polygon>')

    def box(
        self, x: float, y: float, width: float, height: float, kind: str, told: str = "", opacity: float = 1
    ) -> None:
        place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
        title = f"<title>{escape(told)}</title>" if told else ""
        self._parts.append(f'<rect {place} class="{kind}" fill-opacity="{opacity:.2f}">{title}</rect>')

    def path(self, points: Sequence[tuple[float, float]], kind: str) -> None:
        along = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self._parts.append(f'<polyline points="{along}" class="{kind}"/>')

    def text(self, x: float, y: float, text: str, anchor: str = "start", kind: str = "label") -> None:
        place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
        self._parts.append(f'<text {place} class="{kind}">{escape(text)}</text>')

    def __str__(self) -> str:
        width, height = self._size
        inner = "\n".join(self._parts)
        return (
            f'<svg viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" role="img" '
            f'aria-label="{escape(self._title)}">\n<title>{escape(self._title)}</title>\n{inner}\n</svg>'
        )


def ticks(low: float, high: float, most: int = 8) -> list[float]:
    """Return round numbers between two bounds, about `most` of them at most."""
    span = high - low
    if span <= 0:
        return [low]
    step = 10 ** math.floor(math.log10(span / most))
    step = next(step * factor for factor in (1, 2, 5, 10) if span / (step * factor) <= most)
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def apart(places: Sequence[float], least: float, low: float = -math.inf, high: float = math.inf) -> list[float]:
    """Return places that are moved until no two are nearer than `least`, in the same order.

    They lie between the two bounds if there is room.
    """
    order = sorted(range(len(places)), key=lambda place: places[place])
    found = list(places)
    for _ in range(200):
        moved = False
        for one, other in pairwise(order):
            if (short := least - (found[other] - found[one])) > 0.01:
                found[one] -= short / 2
                found[other] += short / 2
                moved = True
        if not moved:
            break
    for number, place in enumerate(order):
        found[place] = max(found[place], low + number * least)
    for number, place in enumerate(reversed(order)):
        found[place] = min(found[place], high - number * least)
    return found


def short(text: str, most: int = 36) -> str:
    """Return a text cut to `most` characters."""
    return text if len(text) <= most else text[: most - 1] + "…"
