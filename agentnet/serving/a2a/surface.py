"""The routes of A2A.

===================================  ==================================================
``/.well-known/agent-card.json``     the signed card, for everybody
``/.well-known/jwks.json``           the key that signed it, for everybody
``POST /a2a``                        JSON-RPC
``/a2a/message:send``, ``/a2a/…``    HTTP+JSON
===================================  ==================================================
"""

from __future__ import annotations

import logging
from pathlib import Path

from a2a.server.routes.agent_card_routes import create_agent_card_routes
from a2a.server.routes.jsonrpc_routes import create_jsonrpc_routes
from a2a.server.routes.rest_routes import create_rest_routes
from a2a.types.a2a_pb2 import AgentCard
from a2a.utils.constants import AGENT_CARD_WELL_KNOWN_PATH
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentnet.serving.a2a.card import KEYS_PATH, PATH, Cards
from agentnet.serving.a2a.operations import OPERATIONS
from agentnet.serving.a2a.request_handler import Calls, TaskRequestHandler
from agentnet.serving.a2a.service import Tasks
from agentnet.serving.a2a.transport import guarded, rest_refusal, rpc_refusal
from agentnet.serving.gateway import Gateway, Mounted
from agentnet.serving.keys import NodeKey

KEY_FILE = "gateway.key"
"""The gateway's own key, in the home folder."""
CACHED = "public, max-age=60"

logging.getLogger("a2a").addHandler(logging.NullHandler())  # it logs refusals, which are the clients' business


def a2a(gateway: Gateway) -> Mounted:
    """Return the surface of a gateway. Raises `BadInput` for a key file that cannot be used."""
    return surface(gateway, TaskRequestHandler(Tasks(gateway)))


def surface(gateway: Gateway, handler: TaskRequestHandler) -> Mounted:
    """Return the surface with a handler of its operations."""
    key = NodeKey.open(Path(gateway.session.settings.home.value) / KEY_FILE)
    cards, calls = Cards(gateway, key), Calls()

    async def current(card: AgentCard) -> AgentCard:
        return await cards.card()

    async def keys(request: Request) -> Response:
        return JSONResponse({"keys": [key.jwk()]}, headers={"cache-control": CACHED})

    rpc = (path for end in ("", "/") for path in create_jsonrpc_routes(handler, PATH + end, calls))
    return Mounted(
        [
            *create_agent_card_routes(AgentCard(), current, cache_control=CACHED),
            Route(KEYS_PATH, keys),
            *guarded(rpc, rpc_refusal),
            *guarded(create_rest_routes(handler, calls, path_prefix=PATH), rest_refusal),
        ],
        operations=OPERATIONS,
        open_paths=(AGENT_CARD_WELL_KNOWN_PATH, KEYS_PATH),
    )
