"""Lists of tasks, page by page: those that changed last come first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from a2a.types.a2a_pb2 import ListTasksRequest, TaskState
from a2a.utils.constants import DEFAULT_LIST_TASKS_PAGE_SIZE
from a2a.utils.errors import InvalidParamsError
from a2a.utils.task import (
    ListTasksCursor,
    decode_list_tasks_cursor,
    encode_list_tasks_cursor,
    validate_history_length,
    validate_page_size,
)

from agentnet.contracts.questions import Question
from agentnet.contracts.runs import RunRecord
from agentnet.contracts.serving import Caller
from agentnet.serving.a2a.tasks import STATES, SURFACE
from agentnet.store.listing import Place, RunFilter

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def wanted(request: ListTasksRequest, caller: Caller, waiting: Mapping[str, Question]) -> RunFilter:
    """Return which runs a client wants to see. `waiting` are the runs that ask a person now."""
    found = RunFilter(
        caller=None if caller.may("admin") else caller.id,
        surface=SURFACE,
        context=request.context_id or None,
        updated_since=_since(request),
    )
    state = request.status
    if state == TaskState.TASK_STATE_UNSPECIFIED:
        return found
    if state == TaskState.TASK_STATE_INPUT_REQUIRED:
        return replace(found, among=tuple(waiting))
    statuses = [status for status, known in STATES.items() if known == state]
    return replace(found, statuses=statuses, without=tuple(waiting) if state == TaskState.TASK_STATE_WORKING else ())


def page_size(request: ListTasksRequest) -> int:
    """Return how many tasks a page has. Raises `A2AError`."""
    validate_history_length(request)
    if not request.HasField("page_size"):
        return DEFAULT_LIST_TASKS_PAGE_SIZE
    validate_page_size(request.page_size)
    return request.page_size


def place_of(request: ListTasksRequest) -> Place | None:
    """Return behind which run a page begins. Raises `A2AError` for a token that is none of ours."""
    if not request.page_token:
        return None
    cursor = decode_list_tasks_cursor(request.page_token)
    try:
        if cursor is None or cursor.timestamp_ns is None:
            raise ValueError("no cursor")
        return Place(_EPOCH + timedelta(microseconds=cursor.timestamp_ns // 1000), cursor.task_id)
    except (ValueError, OverflowError):
        raise InvalidParamsError("pageToken: is none that a page of this list had") from None


def token_of(record: RunRecord) -> str:
    """Return the token of the page that begins behind a run."""
    return encode_list_tasks_cursor(ListTasksCursor((record.updated - _EPOCH) // _MICROSECOND * 1000, record.id))


def _since(request: ListTasksRequest) -> datetime | None:
    if not request.HasField("status_timestamp_after"):
        return None
    try:
        return request.status_timestamp_after.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise InvalidParamsError("statusTimestampAfter: is no time") from None
