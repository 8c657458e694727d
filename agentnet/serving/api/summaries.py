"""From the summary of an evaluation to what the API shows of it."""

from __future__ import annotations

from dataclasses import asdict

from agentnet.evals.report.charts import Chart, charts_of, charts_of_suite
from agentnet.evals.report.findings import comparison_with, datasets_of, frontier, verdict
from agentnet.evals.report.headline import headline
from agentnet.evals.results import Row, Summary
from agentnet.evals.statistics import Interval
from agentnet.evals.systems import BEST
from agentnet.serving.api.evaluated import (
    Bounded,
    ChartShown,
    DatasetResults,
    DecisionShown,
    EvaluationShown,
    Gain,
    RowShown,
    SummaryShown,
)


def summary_shown(summary: Summary, evaluation: EvaluationShown) -> SummaryShown:
    """Return what is shown of a summary, with the state of its evaluation."""
    suite = summary.record.suite
    return SummaryShown(
        evaluation=evaluation,
        about=suite.get("summary", ""),
        members=[agent.name for agent in summary.record.network.agents],
        headline=headline(summary),
        datasets=[_results(summary, dataset) for dataset in datasets_of(summary)],
        charts=[_chart(chart) for chart in charts_of_suite(summary).values()],
        decisions=[DecisionShown(**asdict(decided)) for decided in summary.decisions],
    )


def _results(summary: Summary, dataset: str) -> DatasetResults:
    rows = [row for row in summary.rows if row.dataset == dataset]
    front = {row.system for row in frontier(rows, any(row.cost for row in rows))}
    return DatasetResults(
        name=dataset,
        items=max(row.items for row in rows),
        chosen=summary.chosen_for(dataset),
        rows=[_row(row, front) for row in rows],
        charts=[_chart(chart) for chart in charts_of(summary, dataset).values()],
    )


def _row(row: Row, front: set[str]) -> RowShown:
    comparison = comparison_with(row, BEST)
    gain = None
    if comparison is not None:
        gain = Gain(accuracy=_bounded(comparison.gain), p=comparison.corrected_p, verdict=verdict(comparison))
    return RowShown(
        system=row.system,
        kind=row.kind,
        accuracy=_bounded(row.accuracy),
        over_best=gain,
        items=row.items,
        failures=row.failures,
        calls=row.calls,
        tokens=row.tokens,
        seconds=row.seconds,
        cost=row.cost,
        frontier=row.system in front,
    )


def _bounded(interval: Interval) -> Bounded:
    return Bounded(estimate=interval.estimate, low=interval.low, high=interval.high)


def _chart(chart: Chart) -> ChartShown:
    return ChartShown(name=chart.name, title=chart.title, note=chart.note)
