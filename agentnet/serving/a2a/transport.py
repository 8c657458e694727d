"""What the SDK's endpoints need around them: bodies that pages of elsewhere cannot send, and the type of responses."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable

from a2a.server.jsonrpc_models import JSONParseError as RpcParseError
from a2a.server.request_handlers.response_helpers import build_error_response
from a2a.utils.constants import A2A_JSON_MEDIA_TYPE
from a2a.utils.error_handlers import build_rest_error_payload
from a2a.utils.errors import A2AError, ContentTypeNotSupportedError, InvalidRequestError, JSONParseError
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agentnet.contracts.base import shown

JSON = "application/json"
_BODIES = (JSON, A2A_JSON_MEDIA_TYPE)

Refuse = Callable[[A2AError], Response]


def rpc_refusal(error: A2AError) -> Response:
    """Return a refusal of a body in the form of JSON-RPC."""
    told = RpcParseError(message=str(error)) if isinstance(error, JSONParseError) else error
    return JSONResponse(build_error_response(None, told))


def rest_refusal(error: A2AError) -> Response:
    """Return a refusal of a body in the form of HTTP+JSON."""
    payload = build_rest_error_payload(InvalidRequestError(str(error)) if isinstance(error, JSONParseError) else error)
    return JSONResponse(payload, payload["error"]["code"])


def guarded(routes: Iterable[BaseRoute], refuse: Refuse) -> list[BaseRoute]:
    """Return the SDK's routes with `Json` around their endpoints.

    Mounts are left out: they are for servers with several tenants, and would take the paths of other surfaces.
    """
    return [
        Route(route.path, Json(route.app, refuse), methods=list(route.methods or ()))
        for route in routes
        if isinstance(route, Route)
    ]


class Json:
    """Takes bodies of JSON alone, and answers with plain JSON whoever does not accept A2A's own type."""

    def __init__(self, app: ASGIApp, refuse: Refuse) -> None:
        self._app, self._refuse = app, refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        body = await Request(scope, receive).body()
        if (refused := _refusal(headers, body)) is not None:
            await self._refuse(refused)(scope, receive, send)
            return
        plain = A2A_JSON_MEDIA_TYPE not in headers.get("accept", "")
        given = False

        async def read() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body}

        async def typed(message: Message) -> None:
            if plain and message["type"] == "http.response.start":
                answered = MutableHeaders(scope=message)
                if answered.get("content-type") == A2A_JSON_MEDIA_TYPE:
                    answered["content-type"] = JSON
            await send(message)

        await self._app(scope, read, typed)


def _refusal(headers: Headers, body: bytes) -> A2AError | None:
    """Return why a body is not read; None for one that is, and for none."""
    if not body:
        return None
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _BODIES:
        return ContentTypeNotSupportedError(f"{shown(kind, 100) or 'a body without a type'} is not read: send {JSON}")
    try:
        json.loads(body.decode(), parse_constant=_no_number, parse_float=_number)
    except (ValueError, RecursionError) as error:
        return JSONParseError(f"the body is not JSON: {shown(str(error), 200)}")
    return None


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _number(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(f"{text[:20]} is too large")
    return value
