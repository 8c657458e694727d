"""The reports of the shipped suites that were recorded, and ship with AgentNet."""

from __future__ import annotations

from pathlib import Path

from agentnet.files.shipped import shipped_folder

_OPENING = '<html lang="en">'


def recorded_reports() -> dict[str, Path]:
    """Return the pages of the recorded reports by name, sorted."""
    pages = sorted((shipped_folder("evals") / "reports").glob("*/report.html"))
    return {page.parent.name: page for page in pages}


def themed(page: str, theme: str | None) -> str:
    """Return the page of a report in a theme, ``light`` or ``dark``; without one, in its reader's."""
    return page if theme is None else page.replace(_OPENING, f'<html lang="en" data-theme="{theme}">', 1)
