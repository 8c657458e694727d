"""Runs over the API: they begin detached, are listed, read, followed, answered, cancelled and resumed by their id."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Header, Path, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel

from agentnet.contracts.base import finite
from agentnet.contracts.conversation import Conversation
from agentnet.contracts.events import Event, MessageSaid, RunStatus
from agentnet.contracts.messages import LARGEST_INTEGER, Message
from agentnet.contracts.replies import ReplyOptions
from agentnet.contracts.runs import RunRecord
from agentnet.contracts.serving import Served, Surface
from agentnet.coordinator.forking import next_seed
from agentnet.errors import AgentNetError
from agentnet.profiles.outcomes import report
from agentnet.serving.api.asking import At, By, ByOwner, Limit, room
from agentnet.serving.api.protocols import Named, protocol_of
from agentnet.serving.api.shown import (
    Answer,
    Ask,
    Cancelled,
    Fork,
    Judged,
    Learned,
    Resume,
    Run,
    RunPage,
    RunSummary,
    Shown,
    Started,
)
from agentnet.serving.app import Problem
from agentnet.serving.asked import Asked, Forked
from agentnet.store.listing import Place, RunFilter

router = room("runs")

After = Annotated[int, Query(ge=-1, le=LARGEST_INTEGER, description="messages behind this sequence")]


async def _record(at: At, by: By, run: Annotated[str, Path(max_length=128)]) -> RunRecord:
    return await at.runs.record(by, run)


Chosen = Annotated[RunRecord, Depends(_record)]
"""The run that the path names, if the caller may see it."""


Key = Annotated[
    str | None, Header(alias="Idempotency-Key", description="the same request with the same key starts one run")
]


@router.post("/runs", status_code=201)
async def ask(at: At, by: By, named: Named, body: Ask, key: Key = None) -> Started:
    """Start a run. It goes on when its caller goes away, and when the server starts again."""
    protocol = protocol_of(named, body.protocol)
    (run,) = await at.runs.reserve(by, ["/api/runs", body.model_dump(mode="json")], key=key)
    question = body.question if isinstance(body.question, str) else Conversation(turns=tuple(body.question))
    asked = Asked(
        question,
        Served(caller=by.id, surface="api", detached=True),
        protocol,
        label=body.label,
        seed=body.seed,
        limits=body.limits,
        replies=body.replies,
        stream_text=True,
        run=run,
        repeated=key is not None,
    )
    return Started(id=await at.runs.start(by, asked))


@router.get("/runs")
async def list_runs(
    at: At,
    by: By,
    status: Annotated[list[RunStatus] | None, Query()] = None,
    surface: Annotated[Surface | None, Query()] = None,
    protocol: Annotated[str | None, Query(max_length=200)] = None,
    text: Annotated[str | None, Query(max_length=200, description="words of the task")] = None,
    said: Annotated[str | None, Query(max_length=64, description="the kind of a message, such as `fusion`")] = None,
    since: Annotated[datetime | None, Query(description="changed at this time or later, with its time zone")] = None,
    caller: Annotated[str | None, Query(max_length=64, description="id of a key; for the scope admin")] = None,
    forked_from: Annotated[str | None, Query(max_length=128, description="id of the run they were forked from")] = None,
    cursor: Annotated[str | None, Query(max_length=200, description="`next` of the page before")] = None,
    limit: Limit = 50,
) -> RunPage:
    """List runs, those that changed last first: one's own, and with the scope admin all."""
    if since is not None and not _is_moment(since):
        raise Problem(400, "since: say in which time zone, such as 2026-01-31T12:00:00Z", "bad-request", param="since")
    wanted = RunFilter(
        caller=caller,
        surface=surface,
        statuses=status,
        protocol=protocol,
        text=text,
        said=said,
        updated_since=since,
        forked_from=forked_from,
    )
    records = await at.runs.listed(by, wanted, behind=None if cursor is None else _place(cursor), limit=limit + 1)
    page = records[:limit]
    usages = await at.session.runs.usages([record.id for record in page])
    return RunPage(
        runs=[RunSummary.of(record, usages[record.id]) for record in page],
        next=_cursor(page[-1]) if len(records) > limit else None,
    )


@router.get("/runs/{run}")
async def show(at: At, by: By, record: Chosen) -> Run:
    """Show a run with all that was asked of it, and the question for a person that it waits for."""
    usage = await at.session.runs.usage(record.id)
    return Run.of(record, usage, question=await at.runs.question(by, record.id))


@router.get("/runs/{run}/messages")
async def messages(at: At, record: Chosen, after: After = -1) -> list[Message]:
    """List the messages of a run in their order."""
    return await at.session.runs.messages(record.id, after)


Described = Annotated[
    bool, Query(description="messages have `shown` beside them: what they say, as parts for people (`Shown`)")
]


@router.get("/runs/{run}/events", response_class=EventSourceResponse)
async def events(
    at: At,
    by: By,
    record: Chosen,
    after: After = -1,
    described: Described = False,
    last: Annotated[
        int | None, Header(alias="Last-Event-ID", ge=-1, le=LARGEST_INTEGER, description="replaces `after`")
    ] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Follow a run: what was said so far, then what happens, up to `run-ended`.

    Each event is named by its kind, and a message has its sequence as id. Who comes back with the last id gets the
    messages behind it. A `turn-started` begins the text of its message, also where it is told a second time. An `error`
    says why no more is told; the run itself goes on.
    """
    after = after if last is None else last
    try:
        said: dict[str, Message] = {}
        if described and after >= 0:
            said = {message.id: message for message in await at.session.runs.messages(record.id)}
        async for event in at.runs.follow(by, record.id, after):
            if described and isinstance(event, MessageSaid):
                said[event.message.id] = event.message
                yield _sent(event, shown=Shown.of(event.message, said))
            else:
                yield _sent(event)
    except (AgentNetError, Problem) as error:  # the response has begun
        yield ServerSentEvent(data=Problem.of(error).data(), event="error")


@router.post("/runs/{run}/answer", status_code=202)
async def answer(at: At, by: By, record: Chosen, body: Answer) -> Started:
    """Answer for the person that a run waits for."""
    await at.runs.answer(by, record.id, body.words)
    return Started(id=record.id)


@router.post("/runs/{run}/cancel")
async def cancel(at: At, by: By, record: Chosen) -> Cancelled:
    """Cancel a run."""
    return Cancelled(cancelled=await at.runs.cancel(by, record.id))


@router.post("/runs/{run}/resume", status_code=202)
async def resume(at: At, by: By, record: Chosen, body: Resume) -> Started:
    """Continue a run that was interrupted, cancelled or stopped. Finished turns are not asked again.

    It goes on by itself; but if it began with a request that waited for it, a server that dies leaves it interrupted.
    """
    await at.runs.resume(by, record.id, body.limits)
    return Started(id=record.id)


@router.post("/runs/{run}/fork", status_code=201)
async def fork(at: At, by: By, named: Named, record: Chosen, body: Fork, key: Key = None) -> Started:
    """Start a run that goes on from a message of another run: by the same protocol, or by another one.

    Without `protocol`, turns up to that message stand, and those behind it are taken again. A `protocol` begins, and
    its members read what was said.
    """
    protocol = None if body.protocol is None else protocol_of(named, body.protocol)
    request = [f"/api/runs/{record.id}/fork", body.model_dump(mode="json")]
    (run,) = await at.runs.reserve(by, request, key=key)
    asked = Asked(
        record.task,
        Served(caller=by.id, surface="api", detached=True),
        protocol,
        seed=next_seed(record) if body.seed is None else body.seed,
        limits=body.limits or record.limits,
        replies=body.replies or record.replies or ReplyOptions(),
        stream_text=True,
        run=run,
        repeated=key is not None,
        forked=Forked(record, body.message),
    )
    return Started(id=await at.runs.start(by, asked))


@router.post("/runs/{run}/outcome")
async def outcome(at: At, by: ByOwner, record: Chosen, body: Judged) -> Learned:
    """Say whether the answer of a run was right, for keys with the scope admin: the profiles of members learn from it.

    A second word on a run replaces the first. What was right becomes a canary for other members.
    """
    session = at.session
    assert session.storage is not None, "a run that is found is stored"
    said = await session.runs.messages(record.id)
    found = await report(record, said, body.right, session.measured.members, session.storage)
    members = [Learned.Of(member=one.seat.member, right=one.right is True, label=one.label) for one in found]
    return Learned(run=record.id, right=body.right, members=members)


def _sent(event: Event, **more: BaseModel) -> ServerSentEvent:
    fields = event.model_dump(mode="json") | {name: value.model_dump(mode="json") for name, value in more.items()}
    data = json.dumps(finite(fields), ensure_ascii=False, separators=(",", ":"))
    id = str(event.message.sequence) if isinstance(event, MessageSaid) else None
    return ServerSentEvent(raw_data=data, event=event.kind, id=id)


def _is_moment(time: datetime) -> bool:
    """Return whether a time says in which zone it is, and exists in UTC."""
    try:
        return time.tzinfo is not None and time.astimezone(UTC) is not None
    except OverflowError:
        return False


def _cursor(record: RunRecord) -> str:
    return base64.urlsafe_b64encode(f"{record.updated.isoformat()} {record.id}".encode()).decode()


def _place(cursor: str) -> Place:
    try:
        time, run = base64.urlsafe_b64decode(cursor).decode().split(" ")
        updated = datetime.fromisoformat(time)
    except (ValueError, binascii.Error):
        updated, run = None, ""
    if updated is None or not _is_moment(updated):
        raise Problem(400, "cursor: is not what a page calls `next`", "bad-request", param="cursor")
    return Place(updated, run)
