"""A laid-out graph as SVG text or as a PNG."""

from __future__ import annotations

import io
import math
from html import escape
from itertools import pairwise
from typing import Any

from agentnet.drawing.layout import TITLE, Box, Line, Picture

INK, PALE, PAPER, FILL, NEST, END = "#334155", "#94a3b8", "#ffffff", "#eef2ff", "#f8fafc", "#e2e8f0"
SCALE = 2
"""Pixels of the PNG per unit."""
FONT_SIZE = 14
ARROW = 7.0


def to_svg(picture: Picture) -> str:
    """Return a self-contained SVG document, without scripts, fonts or external references."""
    width, height = math.ceil(picture.width), math.ceil(picture.height)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="{FONT_SIZE}">'
    )
    return (
        "\n".join([head, f'<rect width="100%" height="100%" fill="{PAPER}"/>', *_svg(picture, 0, 0), "</svg>"]) + "\n"
    )


def _svg(picture: Picture, x: float, y: float) -> list[str]:
    parts: list[str] = []
    for line in picture.lines:
        points = [(px + x, py + y) for px, py in line.points]
        dashes = ' stroke-dasharray="5 4"' if line.choice else ""
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{INK}" stroke-width="1.3"{dashes}/>')
        tip = " ".join(f"{px:.1f},{py:.1f}" for px, py in _arrow(points))
        parts.append(f'<polygon points="{tip}" fill="{INK}"/>')
    for box in picture.boxes:
        left, top = box.x + x, box.y + y
        parts.append(
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" '
            f'rx="{_radius(box)}" fill="{_fill(box)}" stroke="{PALE}"/>'
        )
        middle = left + box.width / 2
        baseline = top + (TITLE - 4 if box.inner else box.height / 2 + 5)
        parts.append(
            f'<text x="{middle:.1f}" y="{baseline:.1f}" text-anchor="middle" fill="{INK}">{escape(box.name)}</text>'
        )
        if box.inner:
            parts += _svg(box.inner, left + (box.width - box.inner.width) / 2, top + TITLE)
    return parts


def to_png(picture: Picture) -> bytes:
    """Return the picture as a PNG, painted by Pillow with its built-in font."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (math.ceil(picture.width * SCALE), math.ceil(picture.height * SCALE)), PAPER)
    _paint(ImageDraw.Draw(image), ImageFont.load_default(FONT_SIZE * SCALE), picture, 0, 0)
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def _paint(brush: Any, font: Any, picture: Picture, x: float, y: float) -> None:
    for line in picture.lines:
        points = [((px + x) * SCALE, (py + y) * SCALE) for px, py in line.points]
        _stroke(brush, points, line)
        brush.polygon(_arrow(points, ARROW * SCALE), fill=INK)
    for box in picture.boxes:
        left, top = box.x + x, box.y + y
        corners = [left * SCALE, top * SCALE, (left + box.width) * SCALE, (top + box.height) * SCALE]
        brush.rounded_rectangle(corners, _radius(box) * SCALE, fill=_fill(box), outline=PALE, width=SCALE)
        at = ((left + box.width / 2) * SCALE, (top + (TITLE / 2 if box.inner else box.height / 2)) * SCALE)
        brush.text(at, box.name, fill=INK, font=font, anchor="mm")
        if box.inner:
            _paint(brush, font, box.inner, left + (box.width - box.inner.width) / 2, top + TITLE)


def _stroke(brush: Any, points: list[tuple[float, float]], line: Line) -> None:
    """Draw a line, dashed if it is a choice."""
    if not line.choice:
        brush.line(points, fill=INK, width=SCALE)
        return
    for (x1, y1), (x2, y2) in pairwise(points):
        length = math.hypot(x2 - x1, y2 - y1) or 1.0
        for start in range(0, int(length), 9 * SCALE):
            dash = start / length, min(start + 5 * SCALE, length) / length
            ends = [(x1 + (x2 - x1) * part, y1 + (y2 - y1) * part) for part in dash]
            brush.line(ends, fill=INK, width=SCALE)


def _arrow(points: list[tuple[float, float]], size: float = ARROW) -> list[tuple[float, float]]:
    """The triangle at the end of a polyline."""
    (x1, y1), (x2, y2) = points[-2:]
    angle = math.atan2(y2 - y1, x2 - x1)
    wings = (angle + math.pi - 0.4, angle + math.pi + 0.4)
    return [(x2, y2), *((x2 + size * math.cos(wing), y2 + size * math.sin(wing)) for wing in wings)]


def _radius(box: Box) -> float:
    return box.height / 2 if box.is_end else 6


def _fill(box: Box) -> str:
    return END if box.is_end else NEST if box.inner else FILL
