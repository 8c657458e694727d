"""OpenAI's API as a gateway serves it.

==================================  ========================================================================
``GET /v1/models[/NAME]``           what can be asked of the network (`agentnet.serving.openai.models`)
``POST /v1/chat/completions``       a reply, whole or streamed (`agentnet.serving.openai.chat`)
``/v1/responses…``                  the same as responses that are kept (`agentnet.serving.openai.responses.surface`)
==================================  ========================================================================
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentnet.serving.gateway import Gateway, Mounted, Operation
from agentnet.serving.openai.chat import ChatSurface
from agentnet.serving.openai.models import Models
from agentnet.serving.openai.requests import IDEMPOTENCY, ChatBody
from agentnet.serving.openai.responses.requests import ResponseBody
from agentnet.serving.openai.responses.surface import ResponsesSurface
from agentnet.serving.running import LONGEST_KEY


def openai_surface(gateway: Gateway) -> Mounted:
    """Return the surface of a gateway."""
    models = Models(gateway.names)

    async def listed(request: Request) -> Response:
        return JSONResponse({"object": "list", "data": models.listed()})

    async def described(request: Request) -> Response:
        return JSONResponse(models.described(request.path_params["name"]))

    return Mounted(
        [
            Route("/v1/models", listed),
            Route("/v1/models/{name:path}", described),
            Route("/v1/chat/completions", ChatSurface(gateway, models).chat, methods=["POST"]),
            *ResponsesSurface(gateway, models).routes(),
        ],
        operations=OPERATIONS,
    )


_KEY = {"name": IDEMPOTENCY, "in": "header", "required": False, "schema": {"type": "string", "maxLength": LONGEST_KEY}}
_STREAM = {"name": "stream", "in": "query", "required": False, "schema": {"type": "boolean"}}
_RESPONSE = "/v1/responses/{id}"
OPERATIONS = (
    Operation("get", "/v1/models", "List what can be asked", "openai"),
    Operation("get", "/v1/models/{name}", "Describe what can be asked by a name", "openai"),
    Operation(
        "post", "/v1/chat/completions", "Ask, in a chat", "openai", body=ChatBody, parameters=[_KEY], streams=True
    ),
    Operation("post", "/v1/responses", "Ask for a response", "openai", ResponseBody, parameters=[_KEY], streams=True),
    Operation("get", _RESPONSE, "Read a response", "openai", parameters=[_STREAM], streams=True),
    Operation("delete", _RESPONSE, "Forget a response", "openai"),
    Operation("post", f"{_RESPONSE}/cancel", "Cancel a background response", "openai"),
    Operation("get", f"{_RESPONSE}/input_items", "Read what a response was asked", "openai"),
)
