"""Drawings as pictures of their own: an SVG file with its style inside, in one of the page's themes."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from fastapi import Query
from starlette.responses import Response

import agentnet.evals.report

Theme = Annotated[Literal["light", "dark"], Query(description="colours on a light or on a dark ground")]
Width = Annotated[int, Query(ge=280, le=1600, description="of the picture, in pixels")]

COLOURS = {
    "light": "--ink: #1b2330; --soft: #556273; --line: #dde2ea; --paper: #ffffff; --card: #f5f7fa; --bar: #dbe4f5; "
    "--shade: #eef1f6; --better: #0f766e; --worse: #b93a26; --accent: #2f55d4; --gold: #b7791f; "
    "--c0: #2f55d4; --c1: #b4530a; --c2: #0f766e; --c3: #8a3fb0; --c4: #0b7a8a; --c5: #a3263f;",
    "dark": "--ink: #e7ebf1; --soft: #a3aebd; --line: #303a48; --paper: #11151b; --card: #191f28; --bar: #263a63; "
    "--shade: #1d2430; --better: #4fd0b8; --worse: #f6927f; --accent: #8ea6ff; --gold: #f0c35c; "
    "--c0: #8ea6ff; --c1: #f0a35c; --c2: #4fd0b8; --c3: #cf94ee; --c4: #5ccadb; --c5: #f08aa0;",
}
"""Theme → the colours of the page and of the reports."""

POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
"""A picture is one file with its own style; opened by itself, it can do nothing else either."""


def picture(svg: str, theme: str, style: str = "") -> Response:
    """Return a drawing of `agentnet.evals.report.svg` as a response; `style` has rules beside those of reports."""
    rules = f"svg {{ {COLOURS[theme]} background: var(--paper); }}\n{_report_style()}\n{style}"
    opening, _, rest = svg.partition(">")
    named = opening.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    content = f"{named}>\n<style>{rules}</style>{rest}"
    headers = {"content-security-policy": POLICY, "x-content-type-options": "nosniff", "cache-control": "no-cache"}
    return Response(content, media_type="image/svg+xml", headers=headers)


@cache
def _report_style() -> str:
    """Return the rules of the reports' drawings: those from the first of `svg text` to the key below a drawing."""
    text = (Path(agentnet.evals.report.__file__).parent / "style.css").read_text(encoding="utf-8")
    return text[text.index("svg text {") : text.index(".key {")]
