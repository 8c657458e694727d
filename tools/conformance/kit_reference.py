"""The SDK's own server with the agent that A2A's kit generated for it. Its argument is the kit's folder.

The kit's agent was generated for an earlier SDK, whose applications are gone: only its executor is taken.
"""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock, patch

from a2a.server.request_handlers.default_request_handler_v2 import DefaultRequestHandlerV2
from a2a.server.routes.agent_card_routes import create_agent_card_routes
from a2a.server.routes.jsonrpc_routes import create_jsonrpc_routes
from a2a.server.routes.rest_routes import create_rest_routes
from a2a.server.tasks.inmemory_task_store import InMemoryTaskStore
from a2a.types.a2a_pb2 import AgentCapabilities, AgentCard, AgentInterface, AgentSkill
from starlette.applications import Starlette

from agentnet.serving.process import listen, serving, url_of

UNUSED = (
    "a2a.server.apps",
    "a2a.server.request_handlers.default_request_handler",
    "a2a.server.request_handlers.grpc_handler",
    "a2a.types.a2a_pb2_grpc",
    "grpc",
    "grpc.aio",
)
"""Modules that the kit's agent imports and its executor does not need."""


def executor(kit: Path) -> Any:
    """Return the executor of the kit's agent."""
    spec = importlib.util.spec_from_file_location("sut_agent", kit / "sut" / "a2a-python" / "sut_agent.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with patch.dict(sys.modules, {name: MagicMock() for name in UNUSED}):
        spec.loader.exec_module(module)
    return module.TckAgentExecutor()


async def main(kit: Path) -> None:
    listening = listen("127.0.0.1", 0)
    url = url_of(listening)
    card = AgentCard(
        name="reference",
        description="the SDK's server with the kit's agent",
        version="1",
        supported_interfaces=[
            AgentInterface(url=f"{url}/a2a", protocol_binding=binding, protocol_version="1.0")
            for binding in ("JSONRPC", "HTTP+JSON")
        ],
        capabilities=AgentCapabilities(streaming=True, push_notifications=False),
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain"],
        skills=[AgentSkill(id="tck", name="tck", description="answers the kit", tags=["tck"])],
    )
    handler = DefaultRequestHandlerV2(executor(kit), InMemoryTaskStore(), card, validate_input_modes=True)
    routes = [
        *create_agent_card_routes(card, cache_control="max-age=60"),
        *create_jsonrpc_routes(handler, "/a2a/"),
        *create_rest_routes(handler, path_prefix="/a2a"),
    ]
    async with serving(Starlette(routes=routes), listening):
        print(url, flush=True)
        await asyncio.to_thread(sys.stdin.read)
    await handler.aclose()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
