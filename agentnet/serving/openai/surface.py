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

from agentnet.serving.gateway import Gateway, Mounted
from agentnet.serving.openai.chat import ChatSurface
from agentnet.serving.openai.models import Models
from agentnet.serving.openai.responses.surface import ResponsesSurface


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
        ]
    )
