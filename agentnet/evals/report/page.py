"""The report as one HTML page: it loads nothing, and it can be read without scripts."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from agentnet.evals.report import plots
from agentnet.evals.report.findings import (
    BEST,
    CORRECTIONS,
    SAMPLES,
    against,
    datasets_of,
    headline,
    online,
    paths,
    rounds,
    verdict,
)
from agentnet.evals.report.markdown import provenance
from agentnet.evals.report.raster import by_difficulty, picture
from agentnet.evals.summary import Row, Summary
from agentnet.evals.tables import ALL
from agentnet.evals.wording import percent, points

SHOWN = 160
"""Characters of an item's text that appear where it is pointed at."""


def page(summary: Summary) -> str:
    """The whole document. Whatever models, items and files say is escaped."""
    return _template().render(
        summary=summary,
        record=summary.record,
        headline=headline(summary),
        sections=[_section(summary, dataset) for dataset in datasets_of(summary)],
        provenance=list(provenance(summary.record, summary)),
    )


def _section(summary: Summary, dataset: str) -> dict[str, Any]:
    """Everything that the template shows of one dataset."""
    rows = [row for row in summary.rows if row.dataset == dataset]
    best = next((row for row in rows if row.kind == "best"), None)
    places = [place for place, item in enumerate(summary.items) if dataset in (ALL, item.dataset)]
    shown = {row.system for row in rows if row.kind in ("member", "system", "best")}
    grid = {name: scores for name, scores in summary.grid.items() if name in shown} if dataset != ALL else {}
    ordered = by_difficulty(grid, places)
    return {
        "name": dataset,
        "rows": rows,
        "items": max(row.items for row in rows),
        "chosen": summary.chosen_for(dataset),
        "equal": [row for row in rows if len(row.against) > 1],
        "talked": [row for row in rows if row.conduct.agreement is not None or row.conduct.corrected],
        "plots": [
            (title, note, Markup(drawing)) for title, note, drawing in _plots(summary, dataset, rows, best) if drawing
        ],
        "grid": list(grid),
        "raster": picture(grid, ordered) if grid and ordered else "",
        "texts": [f"{summary.items[place].text[:SHOWN]} → {summary.items[place].answers[0]}" for place in ordered],
        "scores": [[scores[place] for place in ordered] for scores in grid.values()],
    }


def _plots(summary: Summary, dataset: str, rows: list[Row], best: Row | None) -> list[tuple[str, str, str]]:
    return [
        (
            "Against the best single model",
            "Paired differences on the same items, with 95 % intervals. Coloured where the difference is significant "
            "after Holm's correction.",
            plots.forest(rows, dataset),
        ),
        (
            "What accuracy costs",
            "Each point is a system, its whisker the 95 % interval. The line joins those that nothing cheaper is "
            "better than.",
            plots.cost_accuracy(rows, dataset),
        ),
        (
            "All orders of a shape",
            "A dot is one order. Filled dark: the order that was fixed in advance, on calibration items. Ringed: the "
            "winner after the fact, which is no fair rival of anything. The bar is the mean over all orders.",
            plots.path_strips(paths(summary), dataset),
        ),
        (
            "When members are not always there",
            "The exact expectation over who is online. A single model that is offline answers nothing (dashed).",
            plots.online_rates(online(summary, dataset), dataset),
        ),
        (
            "Rounds of debate",
            "What further rounds are worth, and what they take.",
            plots.over_rounds(rounds(summary, dataset), dataset, best.accuracy.estimate if best else None),
        ),
        (
            "Do members err on the same items?",
            "The phi coefficient of two members' errors. Where it is near 1, none can help the other.",
            plots.correlations(summary.correlations, dataset),
        ),
    ]


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"percent": percent, "points": points, "maybe": _maybe, "data": _data}
    environment.globals |= {
        "against": against,
        "verdict": verdict,
        "BEST": BEST,
        "SAMPLES": SAMPLES,
        "CORRECTIONS": CORRECTIONS,
    }
    return environment.get_template("page.html.j2")


def _maybe(number: float | None, digits: int = 2) -> str:
    return "–" if number is None else f"{number:.{digits}f}"


def _data(value: Any) -> Markup:
    """JSON that can stand within a script element, whatever it holds."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))
