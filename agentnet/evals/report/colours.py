"""The colours of a report: of its ground, of its drawings, and one for each member, the same as everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from agentnet.rendering.colours import PALETTE

_FOLDER = Path(__file__).parent


def painted(name: str, members: Sequence[str]) -> str:
    """Return the classes, after a space, that give an agent's mark or name its colour; nothing for other names."""
    return f" agent a{members.index(name) % len(PALETTE)}" if name in members else ""


@cache
def drawing_style() -> str:
    """Return the style sheet of drawings, with the colours that they and the page around them use."""
    agents = " ".join(f".a{place} {{ --agent: {colour.hex}; }}" for place, colour in enumerate(PALETTE))
    parts = ((_FOLDER / name).read_text(encoding="utf-8") for name in ("colours.css", "drawing.css"))
    return f"{agents}\n{''.join(parts)}"


def standalone(svg: str, theme: str | None = None, style: str = "") -> str:
    """Return a drawing as a file of its own, with its style inside, and `style` behind it.

    `theme` is ``light`` or ``dark``; without one, it is the reader's.
    """
    wanted = "" if theme is None else f' data-theme="{theme}"'
    opening, rest = svg.split(">", 1)
    opening = opening.replace("<svg", f'<svg xmlns="http://www.w3.org/2000/svg"{wanted}', 1)
    return f"{opening}>\n<style>{drawing_style()}\n{style}</style>{rest}"
