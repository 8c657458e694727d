"""Evaluations over the API, for the network's owner: they are started, followed, cancelled and resumed, and read."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import Path, Query
from starlette.responses import HTMLResponse, Response

from agentnet.contracts.base import finite
from agentnet.contracts.evaluations import EvaluationRecord
from agentnet.serving.api.asking import At, By, ByOwner, Limit, room
from agentnet.serving.api.evaluated import (
    DatasetShown,
    Evaluate,
    EvaluationShown,
    RecordedReport,
    SuiteShown,
    SummaryShown,
)
from agentnet.serving.api.pictures import Theme, picture
from agentnet.serving.api.shown import Cancelled, Started
from agentnet.serving.app import Problem
from agentnet.serving.gateway import Gateway

router = room("evaluations")

Id = Annotated[str, Path(max_length=128)]
Name = Annotated[str, Path(max_length=100)]
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
    "frame-ancestors 'self'; sandbox allow-scripts"
)
"""A report is one file with its own style and script, and needs nothing else: it gets no more."""
HEADERS = {"content-security-policy": POLICY, "x-content-type-options": "nosniff", "cache-control": "no-cache"}


@router.get("/suites")
async def list_suites(by: By) -> list[SuiteShown]:
    """List the suites that can be started."""
    from agentnet.evals.loading import shipped_suites

    return [
        SuiteShown(
            name=name,
            summary=spec.summary,
            description=spec.description,
            network=spec.network,
            datasets=[DatasetShown(name=dataset.called, items=dataset.items) for dataset in spec.datasets],
            selection=spec.selection,
            systems=len(spec.systems),
            learns=spec.learn is not None,
            lives=spec.living is not None,
            attacked=spec.attacks is not None,
        )
        for name, spec in (await asyncio.to_thread(shipped_suites)).items()
    ]


@router.get("/evaluations")
async def list_evaluations(at: At, by: ByOwner, limit: Limit = 50) -> list[EvaluationShown]:
    """List the latest evaluations, newest first."""
    records = await at.evaluations.store.latest(limit)
    counts = await at.evaluations.store.counts(record.id for record in records)
    return [_shown(at, record, counts.get(record.id, 0)) for record in records]


@router.post("/evaluations", status_code=201)
async def start(at: At, by: ByOwner, body: Evaluate) -> Started:
    """Start an evaluation of a shipped suite. One is made at a time; it goes on when its caller goes away."""
    record = await at.evaluations.start(body.suite, limit=body.limit, epochs=body.epochs, seed=body.seed)
    return Started(id=record.id)


@router.get("/evaluations/{evaluation}")
async def show(at: At, by: ByOwner, evaluation: Id) -> dict[str, Any]:
    """Show the results of an evaluation, finished or not: what its report holds, as data."""
    found = await at.evaluations.summary(await at.evaluations.record(evaluation))
    data: dict[str, Any] = finite(await asyncio.to_thread(found.as_json))
    return data


@router.get("/evaluations/{evaluation}/progress")
async def progress(at: At, by: ByOwner, evaluation: Id) -> EvaluationShown:
    """Show how far an evaluation is."""
    return await _of(at, await at.evaluations.record(evaluation))


@router.get("/evaluations/{evaluation}/summary")
async def summary(at: At, by: ByOwner, evaluation: Id) -> SummaryShown:
    """Show what an evaluation found, finished or not: headline, systems against the best single model, charts."""
    from agentnet.serving.api.summaries import summary_shown

    record = await at.evaluations.record(evaluation)
    found = await at.evaluations.summary(record)
    return await asyncio.to_thread(summary_shown, found, await _of(at, record))


@router.get("/evaluations/{evaluation}/charts/{name}.svg", response_class=Response)
async def chart(
    at: At,
    by: ByOwner,
    evaluation: Id,
    name: Name,
    dataset: Annotated[str | None, Query(max_length=200, description="default: a chart of the whole suite")] = None,
    theme: Theme | None = None,
) -> Response:
    """Draw a chart of an evaluation."""
    from agentnet.evals.report.charts import charts_of, charts_of_suite

    found = await at.evaluations.summary(await at.evaluations.record(evaluation))
    charts = await asyncio.to_thread(lambda: charts_of_suite(found) if dataset is None else charts_of(found, dataset))
    if name not in charts:
        raise Problem(404, f"evaluation {evaluation} has no chart {name!r} of that dataset", "no-such-chart")
    return picture(charts[name].svg, theme)


@router.get("/evaluations/{evaluation}/report", response_class=HTMLResponse)
async def report(at: At, by: ByOwner, evaluation: Id, theme: Theme | None = None) -> HTMLResponse:
    """Show the report of an evaluation, finished or not, as a page."""
    from agentnet.evals.report.page import page

    found = await at.evaluations.summary(await at.evaluations.record(evaluation))
    return HTMLResponse(await asyncio.to_thread(page, found, theme), headers=HEADERS)


@router.post("/evaluations/{evaluation}/cancel")
async def cancel(at: At, by: ByOwner, evaluation: Id) -> Cancelled:
    """Cancel an evaluation. What it has made stays, and it can be resumed."""
    record = await at.evaluations.record(evaluation)
    return Cancelled(cancelled=await at.evaluations.cancel(record.id))


@router.post("/evaluations/{evaluation}/resume", status_code=202)
async def resume(at: At, by: ByOwner, evaluation: Id) -> Started:
    """Go on with an evaluation that was cancelled or interrupted. No stored trial is made again."""
    record = await at.evaluations.record(evaluation)
    await at.evaluations.resume(record)
    return Started(id=record.id)


@router.get("/reports")
async def list_reports(by: By) -> list[RecordedReport]:
    """List the recorded reports that ship with AgentNet."""
    from agentnet.evals.loading import shipped_suites
    from agentnet.evals.report.recorded import recorded_reports

    suites = await asyncio.to_thread(shipped_suites)
    return [
        RecordedReport(name=name, summary=suites[name].summary if name in suites else "") for name in recorded_reports()
    ]


@router.get("/reports/{name}", response_class=HTMLResponse)
async def recorded_report(by: By, name: Name, theme: Theme | None = None) -> HTMLResponse:
    """Show a recorded report as a page."""
    from agentnet.evals.report.recorded import recorded_reports, themed

    files = recorded_reports()
    if name not in files:
        raise Problem(404, f"there is no recorded report {name!r}", "no-such-report")
    text = await asyncio.to_thread(files[name].read_text, encoding="utf-8")
    return HTMLResponse(themed(text, theme), headers=HEADERS)


async def _of(at: Gateway, record: EvaluationRecord) -> EvaluationShown:
    counts = await at.evaluations.store.counts([record.id])
    return _shown(at, record, counts.get(record.id, 0))


def _shown(at: Gateway, record: EvaluationRecord, trials: int) -> EvaluationShown:
    service = at.evaluations
    return EvaluationShown.of(record, trials, service.work(record.id), service.failure(record.id))
