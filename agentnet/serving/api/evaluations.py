"""Evaluations over the API, for the network's owner: lists, summaries and reports."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import Path
from starlette.responses import HTMLResponse

from agentnet.contracts.base import finite
from agentnet.contracts.evaluations import EvaluationRecord
from agentnet.errors import BadInput
from agentnet.serving.api.asking import At, ByOwner, Limit, room
from agentnet.serving.api.shown import EvaluationShown
from agentnet.serving.app import Problem
from agentnet.serving.gateway import Gateway
from agentnet.store.evaluations import Evaluations

router = room("evaluations")

Id = Annotated[str, Path(max_length=128)]
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; sandbox allow-scripts"
)
"""A report is one file with its own style and script, and needs nothing else: it gets no more."""


@router.get("/evaluations")
async def list_evaluations(at: At, by: ByOwner, limit: Limit = 50) -> list[EvaluationShown]:
    """List the latest evaluations, newest first."""
    store = _store(at)
    records = await store.latest(limit)
    counts = await store.counts(record.id for record in records)
    return [_shown(record, counts.get(record.id, 0)) for record in records]


@router.get("/evaluations/{evaluation}")
async def show(at: At, by: ByOwner, evaluation: Id) -> dict[str, Any]:
    """Show the results of an evaluation, finished or not: what its report holds, as data."""
    from agentnet.evals.results import Summary
    from agentnet.evals.session import summary

    record = await _record(at, evaluation)
    found: Summary = await summary(record.id, _store(at))
    data: dict[str, Any] = finite(await asyncio.to_thread(found.as_json))
    return data


@router.get("/evaluations/{evaluation}/report", response_class=HTMLResponse)
async def report(at: At, by: ByOwner, evaluation: Id) -> HTMLResponse:
    """Show the report of an evaluation, finished or not, as a page."""
    from agentnet.evals.report.page import page
    from agentnet.evals.session import summary

    record = await _record(at, evaluation)
    found = await summary(record.id, _store(at))
    return HTMLResponse(await asyncio.to_thread(page, found), headers={"content-security-policy": POLICY})


def _store(at: Gateway) -> Evaluations:
    storage = at.session.storage
    if storage is None:
        raise Problem(404, "this server stores nothing", "not-stored")
    return storage.evaluations


async def _record(at: Gateway, evaluation: str) -> EvaluationRecord:
    try:
        record = await _store(at).find(evaluation)
    except BadInput:
        record = None
    if record is None or record.id != evaluation:
        raise Problem(404, f"there is no evaluation {evaluation!r}", "no-such-evaluation")
    return record


def _shown(record: EvaluationRecord, trials: int) -> EvaluationShown:
    return EvaluationShown(
        id=record.id,
        name=record.name,
        status=record.status,
        created=record.created,
        updated=record.updated,
        network=record.network.name,
        trials=trials,
    )
