"""The charts of a report: each with its name, its title, and a note that says how to read it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agentnet.evals.report import experiments, living, plots
from agentnet.evals.report.findings import hops, online, pairs, paths, rounds
from agentnet.evals.results import Summary


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing, and the words around it."""

    name: str
    title: str
    note: str
    svg: str


def charts_of_suite(summary: Summary) -> dict[str, Chart]:
    """Return the charts of a suite as a whole, by name: those of one that lives."""
    found = (
        Chart(
            "over-time",
            "While members came and went",
            f"Right answers among the last {living.window(summary)} questions. A system whose members are not there "
            "gives no answer.",
            living.over_time(summary),
        ),
        Chart(
            "profiles",
            "What was known of every member",
            "Lower bounds of the accuracy at each kind of question, by canaries among the questions. Shaded: the "
            "member was away, or its answers did not count.",
            living.profiles_over_time(summary),
        ),
    )
    return {chart.name: chart for chart in found if chart.svg}


def charts_of(summary: Summary, dataset: str) -> dict[str, Chart]:
    """Return the charts of a dataset, by name."""
    return {chart.name: chart for chart in (*_charts(summary, dataset), *_experiments(summary, dataset)) if chart.svg}


EXPERIMENTS = ("paths", "online", "rounds", "hops", "pairs")
"""Names of the charts whose points are the systems of one experiment."""


def _charts(summary: Summary, dataset: str) -> Iterator[Chart]:
    rows = [row for row in summary.rows if row.dataset == dataset]
    members = [agent.name for agent in summary.record.network.agents]
    yield Chart(
        "forest",
        "Against the best single model",
        "Paired differences on the same items, with 95 % intervals. Filled and coloured: significant after Holm's "
        "correction. Hollow: within the noise.",
        plots.forest(rows, dataset),
    )
    yield Chart(
        "costs",
        "What accuracy costs",
        "Whiskers are 95 % intervals. The solid line joins the systems that are better than every cheaper one. Dotted "
        "lines: the best single model at more tokens, by self-consistency and self-correction, where that was "
        "measured.",
        plots.cost_accuracy(rows, dataset, summary.chosen_for(dataset), members),
    )
    yield Chart(
        "correlations",
        "Do members err on the same items?",
        "The phi coefficient of two members' errors. Near 1, none can help the other; a dash where one of them is "
        "always right or always wrong.",
        plots.correlations(summary.correlations, dataset, members),
    )


def _experiments(summary: Summary, dataset: str) -> Iterator[Chart]:
    rows = [row for row in summary.rows if row.dataset == dataset]
    members = [agent.name for agent in summary.record.network.agents]
    best = next((row.accuracy.estimate for row in rows if row.kind == "best"), None)
    yield Chart(
        "paths",
        "All orders of a shape",
        "A dot is one order, the upright bar the mean over all of them. Blue: the order that was fixed in advance, "
        "on the selection split. Ringed and dashed: the winner after the fact, which is no fair baseline. "
        "The line across is the best single model, chosen in advance.",
        experiments.path_strips(paths(summary), dataset),
    )
    yield Chart(
        "online",
        "When members are offline at times",
        "The exact expectation over the sets of members that are online. A single model that is offline answers "
        "nothing (dashed); a network answers with the members that are online.",
        experiments.online_rates(online(summary, dataset), dataset, members),
    )
    yield Chart(
        "rounds",
        "Rounds of debate",
        "The accuracy after each number of rounds, and the tokens that the rounds take.",
        experiments.over_rounds(rounds(summary, dataset), dataset, best),
    )
    yield Chart(
        "hops",
        "Hops of a route",
        "Judges vote on an answer, and one that disapproves refines it, α times at most. C: strict judges that are "
        "graded high themselves. C′: strict ones that are graded low. To the end: all hops are taken, also from "
        "what all judges approve. The line across is the best single model, chosen in advance.",
        experiments.over_hops(hops(summary, dataset), dataset, best),
    )
    yield Chart(
        "pairs",
        "Pairs of members",
        "Square: the two together. Dots: each alone, the better one filled. The number is the gain of the pair "
        "over its better member, in points; which member is better is known only after the fact. Colours show the "
        "direction, not significance.",
        experiments.dumbbells(pairs(summary, dataset), dataset, members),
    )
