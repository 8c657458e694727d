"""Refusals of ours as errors of A2A. The SDK gives each its code in JSON-RPC and its HTTP status."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from a2a.server.jsonrpc_models import JSONRPCError
from a2a.server.request_handlers.response_helpers import EXCEPTION_MAP
from a2a.utils.errors import (
    A2A_ERROR_MAPPING,
    A2A_ERROR_REASONS,
    JSON_RPC_ERROR_CODE_MAP,
    A2AError,
    ContentTypeNotSupportedError,
    ErrorMapping,
    InternalError,
    InvalidParamsError,
    TaskNotCancelableError,
    TaskNotFoundError,
)

from agentnet.serving.app import Problem

SERVER_ERROR = -32000
"""The code that JSON-RPC leaves to servers: A2A has none for a refusal that may be over soon."""


class Busy(A2AError):
    """No run may begin now: too many are active, or the caller's budget is used up."""


class Unavailable(A2AError):
    """The server cannot answer now."""


class NotAllowed(A2AError):
    """The caller's key has not the scope."""


_OURS: dict[type[A2AError], ErrorMapping] = {
    Busy: ErrorMapping(429, "RESOURCE_EXHAUSTED", "RATE_LIMITED"),
    Unavailable: ErrorMapping(503, "UNAVAILABLE", "UNAVAILABLE"),
    NotAllowed: ErrorMapping(403, "PERMISSION_DENIED", "NOT_ALLOWED"),
}
_SPECIFIED = {ContentTypeNotSupportedError: 415, TaskNotCancelableError: 409}
"""HTTP statuses of the specification's section 5.4, where the SDK has others."""
for _known, _status in _SPECIFIED.items():
    A2A_ERROR_MAPPING[_known] = A2A_ERROR_MAPPING[_known]._replace(http_code=_status)
for _kind, _mapping in _OURS.items():
    A2A_ERROR_MAPPING[_kind] = _mapping
    A2A_ERROR_REASONS[_kind] = _mapping.reason
    JSON_RPC_ERROR_CODE_MAP[_kind] = SERVER_ERROR
    EXCEPTION_MAP[_kind] = JSONRPCError


def translated(error: Exception) -> A2AError:
    """Return the error of A2A that tells a client of any error; of one that is none of ours, its type alone."""
    if isinstance(error, A2AError):
        return error
    problem = Problem.of(error)
    data = {"code": problem.code} | ({} if problem.again is None else {"retryAfter": f"{problem.again:g}"})
    if problem.code == "no-such-run":
        return TaskNotFoundError(data=data)
    if problem.status in (401, 403):
        return NotAllowed(str(problem), data)
    if problem.status == 429:
        return Busy(str(problem), data)
    if problem.status == 503:
        return Unavailable(str(problem), data)
    return InvalidParamsError(str(problem), data) if problem.status < 500 else InternalError(str(problem), data)


@contextmanager
def telling() -> Iterator[None]:
    """Raise whatever fails inside as an error of A2A."""
    try:
        yield
    except Exception as error:
        raise translated(error) from error
