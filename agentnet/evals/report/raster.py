"""Systems by items as a small picture: one pixel for each score."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence

RIGHT, WRONG, UNKNOWN = (43, 108, 196), (244, 178, 112), (150, 150, 150)
"""Blue and orange: they differ in brightness too, and colour-blind readers can tell them apart."""


def by_difficulty(grid: dict[str, tuple[float | None, ...]], places: Sequence[int]) -> list[int]:
    """Return the places of items, those that most systems had right first."""

    def ease(place: int) -> float:
        scores = [row[place] for row in grid.values()]
        known = [score for score in scores if score is not None]
        return sum(known) / len(known) if known else -1.0

    return sorted(places, key=lambda place: (-ease(place), place))


def picture(grid: dict[str, tuple[float | None, ...]], places: Sequence[int]) -> str:
    """Return a PNG as a data URI: a row for each system, a column for each place. Blue is right, orange is wrong."""
    rows = [b"\x00" + b"".join(bytes(_mixed(scores[place])) for place in places) for scores in grid.values()]
    header = struct.pack(">IIBBBBB", len(places), len(grid), 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(kind, content)
        for kind, content in ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows), 9)), (b"IEND", b""))
    )
    return "data:image/png;base64," + base64.b64encode(data).decode()


def colour(score: float | None) -> str:
    """Return the colour of a score, as a style sheet writes it."""
    return "#" + bytes(_mixed(score)).hex()


def _mixed(score: float | None) -> tuple[int, int, int]:
    if score is None:
        return UNKNOWN
    red, green, blue = (round(wrong + score * (right - wrong)) for right, wrong in zip(RIGHT, WRONG, strict=True))
    return red, green, blue


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
