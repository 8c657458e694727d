"""The report as one HTML page: it loads nothing, and it can be read without scripts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from agentnet.evals.report import experiments, numbers, plots
from agentnet.evals.report.findings import (
    against,
    datasets_of,
    glance,
    online,
    pairs,
    paths,
    rounds,
    together,
    verdict,
)
from agentnet.evals.report.headline import headline
from agentnet.evals.report.provenance import DEFINITIONS, provenance
from agentnet.evals.report.raster import by_difficulty, colour, picture
from agentnet.evals.report.svg import Drawing
from agentnet.evals.summary import Row, Summary
from agentnet.evals.systems import BEST, CORRECTIONS, SAMPLES
from agentnet.evals.tables import ALL
from agentnet.evals.wording import percent, points

SHOWN = 160
"""Characters of an item's text that appear where it is pointed at."""

EXAMPLES = 5
"""Items of a kind that are shown in full."""

KINDS = {
    "best": "best single model, chosen in advance",
    "system": "system",
    "member": "member alone",
    "samples": "self-consistency",
    "corrections": "self-correction",
}


def page(summary: Summary) -> str:
    """The whole document. Whatever models, items and files say is escaped."""
    return _template().render(
        record=summary.record,
        headline=headline(summary),
        datasets=datasets_of(summary),
        glance=glance(summary),
        sections=[_section(summary, dataset) for dataset in datasets_of(summary)],
        provenance=list(provenance(summary)),
        definitions=DEFINITIONS,
    )


def _section(summary: Summary, dataset: str) -> dict[str, Any]:
    """Everything that the template shows of one dataset."""
    rows = [row for row in summary.rows if row.dataset == dataset]
    chosen = summary.chosen_for(dataset)
    return {
        "name": dataset,
        "rows": rows,
        "kinds": {row.kind for row in rows},
        "count": max(row.items for row in rows),
        "chosen": chosen,
        "forest": Markup(plots.forest(rows, dataset)),
        "costs": Markup(plots.cost_accuracy(rows, dataset, chosen)),
        "equal": [row for row in rows if len(row.against) > 1],
        "talked": [row for row in rows if row.conduct.agreement is not None or row.conduct.corrected],
        "correlations": Markup(plots.correlations(summary.correlations, dataset)),
        "together": [one for one in together(summary, dataset) if one.gained or one.lost] if dataset != ALL else [],
        "raster": _raster(summary, dataset, rows),
        "experiments": _experiments(summary, dataset, rows),
    }


def _raster(summary: Summary, dataset: str, rows: Sequence[Row]) -> dict[str, Any] | None:
    """Systems by items: the picture, and what there is to say about each of its pixels."""
    shown = {row.system for row in rows if row.kind in ("member", "system", "best")}
    grid = {name: scores for name, scores in summary.grid.items() if name in shown}
    places = by_difficulty(grid, [place for place, item in enumerate(summary.items) if item.dataset == dataset])
    if not grid or not places:
        return None
    texts = [f"{summary.items[place].text[:SHOWN]} → {summary.items[place].answers[0]}" for place in places]
    scores = ["".join(_tenths(scores[place]) for place in places) for scores in grid.values()]
    return {"picture": picture(grid, places), "names": list(grid), "texts": texts, "scores": scores}


def _tenths(score: float | None) -> str:
    """A score in one character: tenths, ``a`` for 1. Only what is exactly 0 or 1 is shown as that."""
    if score is None:
        return "-"
    return "a" if score >= 1 else "0" if score <= 0 else str(min(9, max(1, round(10 * score))))


def _experiments(summary: Summary, dataset: str, rows: Sequence[Row]) -> list[tuple[str, str, Markup]]:
    """Title, what is to be seen, and the drawing of each experiment that the suite holds."""
    best = next((row.accuracy.estimate for row in rows if row.kind == "best"), None)
    found = [
        (
            "All orders of a shape",
            "A dot is one order, the upright bar the mean over all of them. Blue: the order that was fixed in advance, "
            "on calibration items. Ringed and dashed: the winner after the fact, which is no fair rival of anything. "
            "The line across is the best single model, chosen in advance.",
            experiments.path_strips(paths(summary), dataset),
        ),
        (
            "When members are not always there",
            "The exact expectation over who is online. A single model that is offline answers nothing (dashed); a "
            "network goes on with those who are there.",
            experiments.online_rates(online(summary, dataset), dataset),
        ),
        (
            "Rounds of debate",
            "What further rounds are worth, and what they take.",
            experiments.over_rounds(rounds(summary, dataset), dataset, best),
        ),
        (
            "Pairs of members",
            "Square: the two together. Dots: each alone, the better one filled. The number is what the pair has over "
            "its better member, in points; which member that is, is known only after the fact. Colours show the "
            "direction, not significance.",
            experiments.dumbbells(pairs(summary, dataset), dataset),
        ),
    ]
    return [(title, note, Markup(drawing)) for title, note, drawing in found if drawing]


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
        "against": against,
        "verdict": verdict,
        "SIGNS": numbers.SIGNS,
        "BEST": BEST,
        "RIVALS": (SAMPLES, CORRECTIONS),
        "EXAMPLES": EXAMPLES,
        "KEY": [(kind, Markup(_mark(kind)), name) for kind, name in KINDS.items()],
        "SCORED": [(colour(score), what) for score, what in ((1.0, "right"), (0.0, "wrong"), (None, "not scored"))],
    }
    return environment.get_template("page.html.j2")


def _mark(kind: str) -> str:
    """A mark as a plot draws it, for its key."""
    drawing = Drawing(14, 14, KINDS[kind])
    drawing.mark(7, 7, plots.MARKS[kind], f"mark {kind}", size=4.5)
    return str(drawing)


def _data(value: Any) -> Markup:
    """JSON that can stand within a script element, whatever it holds."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))
