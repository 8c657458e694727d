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
from agentnet.serving.openai.requests import ChatBody
from agentnet.serving.openai.responses.requests import ResponseBody
from agentnet.serving.openai.responses.surface import ResponsesSurface

OPERATIONS = (
    Operation("get", "/v1/models", "List what can be asked, as models.", "openai"),
    Operation("get", "/v1/models/{name}", "Describe what a model's name stands for.", "openai"),
    Operation("post", "/v1/chat/completions", "Reply to a conversation.", "openai", body=ChatBody, streams=True),
    Operation("post", "/v1/responses", "Make a response.", "openai", body=ResponseBody, streams=True),
    Operation("get", "/v1/responses/{id}", "Read a response, or follow it.", "openai", streams=True),
    Operation("delete", "/v1/responses/{id}", "Delete a response.", "openai"),
    Operation("post", "/v1/responses/{id}/cancel", "Cancel a response in the background.", "openai"),
    Operation("get", "/v1/responses/{id}/input_items", "List what a response was made of.", "openai"),
)
"""What the OpenAPI document says of the routes."""


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
