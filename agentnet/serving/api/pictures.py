"""Drawings as pictures of their own: an SVG file with its style inside, in one of the page's themes."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query
from starlette.responses import Response

from agentnet.evals.report.colours import standalone

Theme = Annotated[Literal["light", "dark"], Query(description="colours on a light or on a dark ground")]
Width = Annotated[int, Query(ge=280, le=1600, description="of the picture, in pixels")]

POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
"""A picture is one file with its own style; opened by itself, it can do nothing else either."""


def picture(svg: str, theme: str | None = None, style: str = "") -> Response:
    """Return a drawing of `agentnet.evals.report.svg` as a response; `style` has rules beside those of reports.

    Without a `theme`, it has that of its reader.
    """
    headers = {"content-security-policy": POLICY, "x-content-type-options": "nosniff", "cache-control": "no-cache"}
    return Response(standalone(svg, theme, style), media_type="image/svg+xml", headers=headers)
