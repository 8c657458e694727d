"""The report as one HTML page. It loads no other file and is readable without scripts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from agentnet.evals.formatting import percent, points
from agentnet.evals.report import living, numbers, plots
from agentnet.evals.report.charts import EXPERIMENTS, charts_of, charts_of_suite
from agentnet.evals.report.colours import drawing_style, painted
from agentnet.evals.report.findings import (
    ATTACKS_NOTE,
    Complementarity,
    attacks_on,
    comparison_with,
    complementarity,
    datasets_of,
    decided_on,
    overview,
    verdict,
    who_lies,
)
from agentnet.evals.report.headline import headline
from agentnet.evals.report.provenance import DEFINITIONS, provenance
from agentnet.evals.report.raster import by_difficulty, colour, picture
from agentnet.evals.report.svg import Drawing
from agentnet.evals.results import Row, Summary
from agentnet.evals.systems import BEST, CORRECTIONS, SAMPLES
from agentnet.evals.tables import ALL

SHOWN = 160
"""Characters of an item's text in its tooltip."""

EXAMPLES = 5
"""The most items of a kind that are shown in full."""

KINDS = {
    "best": "best single model, chosen in advance",
    "system": "system",
    "member": "member alone",
    "samples": "self-consistency",
    "corrections": "self-correction",
}


def page(summary: Summary, theme: str | None = None) -> str:
    """Return the whole document, all text of models, items and files escaped.

    `theme` is ``light`` or ``dark``; without one, it is the reader's.
    """
    return _template().render(
        record=summary.record,
        headline=headline(summary),
        datasets=datasets_of(summary),
        overview=overview(summary),
        theme=theme,
        style=Markup(drawing_style()),
        members=[agent.name for agent in summary.record.network.agents],
        charts=charts_of_suite(summary),
        standings=living.standings_table(summary),
        sections=[_section(summary, dataset) for dataset in datasets_of(summary)],
        provenance=list(provenance(summary)),
        definitions=DEFINITIONS,
    )


def _section(summary: Summary, dataset: str) -> dict[str, Any]:
    """What the template shows of one dataset."""
    rows = [row for row in summary.rows if row.dataset == dataset]
    return {
        "name": dataset,
        "rows": rows,
        "kinds": {row.kind for row in rows},
        "count": max(row.items for row in rows),
        "chosen": summary.chosen_for(dataset),
        "charts": charts_of(summary, dataset),
        "equal": [row for row in rows if len(row.comparisons) > 1],
        "interacting": [row for row in rows if row.interaction.agreement is not None or row.interaction.helpful_flips],
        "complementarity": _complementarity(summary, dataset),
        "raster": _raster(summary, dataset, rows),
        "attacks": attacks_on(summary, dataset),
        "decided": decided_on(summary, dataset),
    }


def _complementarity(summary: Summary, dataset: str) -> list[Complementarity]:
    if dataset == ALL:
        return []
    return [system for system in complementarity(summary, dataset) if system.gained or system.lost]


def _raster(summary: Summary, dataset: str, rows: Sequence[Row]) -> dict[str, Any] | None:
    """Systems by items: the picture, and the text of each of its pixels."""
    shown = {row.system for row in rows if row.kind in ("member", "system", "best")}
    grid = {name: scores for name, scores in summary.grid.items() if name in shown}
    places = by_difficulty(grid, [place for place, item in enumerate(summary.items) if item.dataset == dataset])
    if not grid or not places:
        return None
    texts = [f"{summary.items[place].text[:SHOWN]} → {summary.items[place].answers[0]}" for place in places]
    scores = ["".join(_tenths(scores[place]) for place in places) for scores in grid.values()]
    return {"picture": picture(grid, places), "names": list(grid), "texts": texts, "scores": scores}


def _tenths(score: float | None) -> str:
    """A score in one character: tenths, ``a`` for 1. Only scores of exactly 0 and 1 become ``0`` and ``a``."""
    if score is None:
        return "-"
    return "a" if score >= 1 else "0" if score <= 0 else str(min(9, max(1, round(10 * score))))


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "percent": percent,
        "bounds": numbers.bounds,
        "points": points,
        "number": numbers.number,
        "chance": numbers.chance,
        "times": numbers.times,
        "data": _data,
    }
    environment.globals |= {
        "comparison_with": comparison_with,
        "verdict": verdict,
        "who_lies": who_lies,
        "painted": painted,
        "EXPERIMENTS": EXPERIMENTS,
        "ATTACKS_NOTE": ATTACKS_NOTE,
        "SIGNS": numbers.SIGNS,
        "BEST": BEST,
        "REPEATED": (SAMPLES, CORRECTIONS),
        "EXAMPLES": EXAMPLES,
        "KEY": [(kind, Markup(_mark(kind)), name) for kind, name in KINDS.items()],
        "SCORED": [(colour(score), what) for score, what in ((1.0, "right"), (0.0, "wrong"), (None, "not scored"))],
    }
    return environment.get_template("page.html.j2")


def _mark(kind: str) -> str:
    """A mark as plots draw it, for their key."""
    drawing = Drawing(14, 14, KINDS[kind])
    drawing.mark(7, 7, plots.MARKS[kind], f"mark {kind}", size=4.5)
    return str(drawing)


def _data(value: Any) -> Markup:
    """JSON that is safe within a script element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))
