"""What the SDK's endpoints need around them: bodies that pages of elsewhere cannot send, and the type of responses."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from a2a.server.request_handlers.response_helpers import build_error_response
from a2a.utils.constants import A2A_JSON_MEDIA_TYPE
from a2a.utils.error_handlers import build_rest_error_payload
from a2a.utils.errors import ContentTypeNotSupportedError
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agentnet.contracts.base import shown

JSON = "application/json"
_BODIES = (JSON, A2A_JSON_MEDIA_TYPE)

Refuse = Callable[[ContentTypeNotSupportedError], Response]


def rpc_refusal(error: ContentTypeNotSupportedError) -> Response:
    """Return a refusal in the form of JSON-RPC."""
    return JSONResponse(build_error_response(None, error))


def rest_refusal(error: ContentTypeNotSupportedError) -> Response:
    """Return a refusal in the form of HTTP+JSON."""
    payload = build_rest_error_payload(error)
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
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        if has_body and kind not in _BODIES:
            error = ContentTypeNotSupportedError(
                f"{shown(kind, 100) or 'a body without a type'} is not read: send {JSON}"
            )
            await self._refuse(error)(scope, receive, send)
            return
        plain = A2A_JSON_MEDIA_TYPE not in headers.get("accept", "")

        async def typed(message: Message) -> None:
            if plain and message["type"] == "http.response.start":
                answered = MutableHeaders(scope=message)
                if answered.get("content-type") == A2A_JSON_MEDIA_TYPE:
                    answered["content-type"] = JSON
            await send(message)

        await self._app(scope, receive, typed)
