"""What every application of this package has in common: who is let in, what a body may be, and how failures are told.

An application is a list of routes; rooms beside this one make them. `application` puts them together::

    app = application([*hub_routes(hub), *more_routes], door=Door(token="…"))

Failures have the form that OpenAI's API gives them: ``{"error": {"message", "type", "code", "param"}}``.
"""

from __future__ import annotations

import asyncio
import hmac
import math
import time
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Protocol

from anyio import BrokenResourceError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agentnet.contracts.serving import Caller
from agentnet.errors import (
    AgentNetError,
    BadInput,
    ContextOverflow,
    LeaseOver,
    ModelError,
    ModelUnavailable,
    NodeError,
    NodeReplaced,
    RateLimited,
    ResumeError,
    SchemaUnsupported,
    StoreError,
)
from agentnet.logs import logger

log = logger("serving")

CALLER = "agentnet.caller"
"""The place in a request's scope of who was let in."""
ANYBODY = Caller()
STRANGER = Caller(name="stranger", scopes=())
"""The caller of a path that is open to everybody, who may do nothing else."""

MOST_BODY = 16 * 2**20
"""Bytes of the longest body of a request."""
BODY_SECONDS = 30.0
"""Seconds in which a body must have arrived."""

CORS: dict[str, Any] = {
    "allow_methods": ["GET", "POST", "DELETE"],
    "allow_headers": ["*"],
    "expose_headers": ["x-agentnet-run", "retry-after", "mcp-session-id"],
}
"""What pages of named origins may do. They send their key themselves: no cookies, no credentials of the browser."""

_STATUSES: tuple[tuple[type[AgentNetError], int], ...] = (
    (ContextOverflow, 400),
    (SchemaUnsupported, 400),
    (BadInput, 400),
    (RateLimited, 429),
    (ModelUnavailable, 503),
    (ModelError, 500),
    (NodeReplaced, 409),
    (LeaseOver, 410),
    (NodeError, 403),
    (ResumeError, 409),
    (StoreError, 503),
)
_CODES = {ContextOverflow.code: "context_length_exceeded"}
"""Codes of ours → what clients of OpenAI's API know them by."""


class Problem(Exception):
    """A request that is refused, with its HTTP status. `param` names the field; `again` is in seconds.

    `headers` are those of the response, beside `Retry-After`.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str,
        *,
        param: str | None = None,
        again: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.param, self.again = status, code, param, again
        self.headers = headers or {}

    @classmethod
    def of(cls, error: Exception) -> Problem:
        """Return the refusal that tells a caller of an error; of one that is none of ours, its type alone."""
        if isinstance(error, Problem):
            return error
        if isinstance(error, AgentNetError):
            status = next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)
            again = 1.0 if status in (429, 503) else None
            return cls(status, str(error), _CODES.get(error.code, error.code), again=again)
        log.error("a request failed unexpectedly: %s: %s", type(error).__name__, error, exc_info=error)
        return cls(500, f"unexpected {type(error).__name__}; see the server's log", "unexpected")

    @classmethod
    def coded(cls, code: str, message: str, *, headers: Mapping[str, str] | None = None) -> Problem:
        """Return the refusal for an error of ours that is known by its code, as messages record it."""
        status = next((status for kind, status in _STATUSES if kind.code == code), 500)
        return cls(status, message, _CODES.get(code, code), headers=headers)

    def data(self) -> dict[str, Any]:
        """Return the body of the response."""
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        kind = "rate_limit_error" if self.status == 429 else kind
        return {"error": {"message": str(self), "type": kind, "param": self.param, "code": self.code}}

    def response(self) -> Response:
        headers = dict(self.headers)
        if self.again is not None:
            headers["retry-after"] = f"{max(1, math.ceil(self.again))}"
        if self.status == 401:
            headers["www-authenticate"] = "Bearer"
        return JSONResponse(self.data(), self.status, headers)


class Entrance(Protocol):
    """Who is let in, and as whom."""

    async def admit(self, connection: HTTPConnection) -> Caller:
        """Return who sends a request. Raises `Problem` for somebody who is not let in."""


def caller_of(request: HTTPConnection) -> Caller:
    """Return who was let in with a request."""
    caller = request.scope[CALLER]
    assert isinstance(caller, Caller)
    return caller


@dataclass(frozen=True, slots=True)
class Door:
    """Who is let in. With a `token`, those who send it as Bearer token; `open_paths` are open to everybody.

    Without a token a server is there for this machine alone, and web pages must not reach it through a browser: the
    request has to name it by its address or as localhost, and a body has to be JSON, which a page can send to its own
    server only.
    """

    token: str = ""
    open_paths: Collection[str] = ()

    async def admit(self, connection: HTTPConnection) -> Caller:
        """Return the caller, who has no name here. Raises `Problem` for one that is not let in."""
        if connection.scope["path"] in self.open_paths:
            return ANYBODY
        if not self.token:
            host = connection.url.hostname or ""
            if not is_address(host):
                raise Problem(403, f"this server is not called {host[:100]!r}: use its address", "wrong-host")
            return ANYBODY
        scheme, _, given = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), self.token.encode()):
            return ANYBODY
        raise Problem(401, "the token is missing or wrong: send it as Authorization: Bearer …", "unauthorized")


def application(
    routes: Sequence[BaseRoute],
    *,
    door: Entrance | None = None,
    origins: Collection[str] = (),
    most_body: Callable[[str], int] = lambda path: MOST_BODY,
    around: Sequence[Callable[[ASGIApp], ASGIApp]] = (),
) -> Starlette:
    """Return the application of some routes.

    Browsers let pages of some `origins` use it (CORS); by default, none. `most_body` returns how many bytes the body of
    a request to a path may have. `around` are applications around all of it, which measure it: the first is outermost.
    """
    middleware = [Middleware(_Doorkeeper, door=door or Door(), most_body=most_body)]
    if origins:
        middleware.insert(0, Middleware(CORSMiddleware, allow_origins=list(origins), **CORS))
    middleware = [*(Middleware(wrapped) for wrapped in around), *middleware]
    return Starlette(routes=routes, middleware=middleware, exception_handlers=FAILURES)


def is_address(host: str) -> bool:
    """Return whether a host is an IP address, or localhost: a name that no page of elsewhere can point here."""
    if host == "localhost":
        return True
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


async def _failed(request: Request, error: Exception) -> Response:
    return Problem.of(error).response()


async def _not_found(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    what = f"{request.method} {request.url.path[:200]}"
    return Problem(error.status_code, f"{what}: {error.detail}", "not-found").response()


FAILURES: dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]] = {
    Problem: _failed,
    AgentNetError: _failed,
    HTTPException: _not_found,
}
"""Exceptions → what answers for them, in every application."""


def _is_cut(error: BaseException) -> bool:
    """Return whether all that went wrong is that the reader of a stream left."""
    if isinstance(error, BaseExceptionGroup):
        return all(_is_cut(each) for each in error.exceptions)
    return isinstance(error, BrokenResourceError | ClientDisconnect)


class _Doorkeeper:
    """Lets requests in or not, and answers for what fails unexpectedly."""

    def __init__(self, app: ASGIApp, door: Entrance, most_body: Callable[[str], int]) -> None:
        self._app, self._door, self._most_body = app, door, most_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        try:
            scope[CALLER] = await self._door.admit(HTTPConnection(scope))
        except (Problem, AgentNetError) as error:
            refused = Problem.of(error)
            if scope["type"] == "http":
                await refused.response()(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 1008, "reason": refused.code})
            return
        await _Exchange(scope, receive, send, self._most_body(scope["path"])).run(self._app)


class _Exchange:
    """A request and its response: the body is bounded in size and time, and what fails unexpectedly gets an answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, most: int) -> None:
        self._scope, self._receive, self._send, self._most = scope, receive, send, most
        self._size = 0
        self._whole = scope["type"] != "http"
        """Whether all of the body has arrived."""
        self._deadline = time.monotonic() + BODY_SECONDS
        self._begun = self._refused = False

    async def run(self, app: ASGIApp) -> None:
        """Let an application answer the request."""
        try:
            length = dict(self._scope["headers"]).get(b"content-length", b"0")
            if not self._whole and length.isdigit() and int(length) > self._most:
                raise self._too_large()
            await app(self._scope, self._bounded, self._noted)
        except ClientDisconnect:
            """There is no one to answer."""
        except Exception as error:
            if not (self._begun and _is_cut(error)):
                await self._refuse(Problem.of(error))

    async def _bounded(self) -> Message:
        """Receive the next message. A body that is too large or too slow is answered, and for the application gone."""
        if self._whole:
            return await self._receive()
        try:
            async with asyncio.timeout(self._deadline - time.monotonic()):
                message = await self._receive()
        except TimeoutError:
            return await self._end(Problem(408, f"the body did not arrive within {BODY_SECONDS:g} s", "too-slow"))
        self._size += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        return await self._end(self._too_large()) if self._size > self._most else message

    async def _end(self, problem: Problem) -> Message:
        self._whole = True
        await self._refuse(problem)
        return {"type": "http.disconnect"}

    async def _noted(self, message: Message) -> None:
        if not self._refused:
            self._begun = True
            await self._send(message)

    async def _refuse(self, problem: Problem) -> None:
        if self._scope["type"] != "http" or self._begun or self._refused:
            return
        self._refused = True
        await problem.response()(self._scope, self._receive, self._send)

    def _too_large(self) -> Problem:
        return Problem(413, f"the body has more than {self._most} bytes", "too-large")
