"""The MCP server of a gateway, as a surface: streamable HTTP at one path."""

from __future__ import annotations

import logging
from typing import Any, Literal

from anyio import CancelScope
from mcp.server import Server
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from pydantic import BaseModel
from starlette.requests import HTTPConnection
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from agentnet.serving.app import Problem, caller_of
from agentnet.serving.gateway import Gateway, Mounted, Operation
from agentnet.serving.mcp.server import mcp_server
from agentnet.serving.mcp.sessions import OpenSessions

logging.getLogger("mcp").addHandler(logging.NullHandler())  # what clients do wrong is no news to who runs a server

PATH = "/mcp"
MOST_SESSIONS = 1024
"""Sessions that clients may have open together; `OpenSessions` bounds those of one caller."""
IDLE_SECONDS = 900.0
"""Seconds after which a session without any request is over; the run of a call that it left is cancelled then."""
MOST_BODY = 2**20
"""Bytes of the longest message of a client."""


def mcp_surface(gateway: Gateway) -> Mounted:
    """Return the surface of a gateway's MCP server."""
    return mounted(mcp_server(gateway.runs, gateway.names))


def mounted(server: Server[Any]) -> Mounted:
    """Return an MCP server as a surface. Who may come in, and from which hosts and origins, is the doorkeeper's."""
    sessions = StreamableHTTPSessionManager(
        server, session_idle_timeout=IDLE_SECONDS, max_sessions=MOST_SESSIONS, max_request_body_size=MOST_BODY
    )
    endpoint = _Endpoint(sessions, OpenSessions(IDLE_SECONDS))
    return Mounted(
        routes=[Route(PATH, endpoint=endpoint)],
        running=[sessions.run],
        operations=_OPERATIONS,
        ending=[endpoint.end],
    )


class RpcMessage(BaseModel):
    """A message of JSON-RPC, as the revisions of the Model Context Protocol define them."""

    jsonrpc: Literal["2.0"]
    method: str
    id: int | str | None = None
    params: dict[str, Any] | None = None


_SESSION = {"name": "mcp-session-id", "in": "header", "required": False, "schema": {"type": "string"}}
_OPERATIONS = (
    Operation(
        "post", PATH, "Send a message", "mcp", body=RpcMessage, parameters=[_SESSION], streams=True, own_form=True
    ),
    Operation(
        "get", PATH, "Listen to what a session is told", "mcp", parameters=[_SESSION], streams=True, own_form=True
    ),
    Operation("delete", PATH, "End a session", "mcp", parameters=[_SESSION], own_form=True),
)


class _Endpoint:
    """Hands requests to the SDK, each with its caller: a session belongs to the caller that began it."""

    def __init__(self, sessions: StreamableHTTPSessionManager, open: OpenSessions) -> None:
        self._sessions, self._open = sessions, open
        self._listening: set[CancelScope] = set()
        self._ending = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = caller_of(HTTPConnection(scope))
        scope["user"] = AuthenticatedUser(AccessToken(token="", client_id=caller.id, scopes=list(caller.scopes)))
        # White space around a value is none of it (RFC 9110, 5.5); not every parser that uvicorn may use takes it off.
        scope["headers"] = [(name, value.strip(b" \t")) for name, value in scope["headers"]]
        async with self._open.request(caller.id, scope, send) as noted:
            if scope["method"] == "GET":
                await self._listen(scope, receive, noted)
            else:
                await self._sessions.handle_request(scope, receive, noted)

    async def _listen(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._ending:
            raise Problem(503, "the server ends", "ending", again=1.0)
        with CancelScope() as listening:
            self._listening.add(listening)
            try:
                await self._sessions.handle_request(scope, receive, send)
            finally:
                self._listening.discard(listening)

    def end(self) -> None:
        """End the streams on which clients listen: they would hold up the end of the server."""
        self._ending = True
        for listening in self._listening:
            listening.cancel()
