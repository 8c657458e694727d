"""A node in this process that serves sessions of tokens, and a WebSocket server that says what a test tells it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from agentnet.contracts.nodes import Abilities, Offer
from agentnet.models.addresses import joined_near
from agentnet.models.base import Model
from agentnet.models.node.client import NodeClient
from agentnet.models.node.frames import PATH, VOCABULARY_PATH
from agentnet.serving.tokens import TokenService

NEAR = joined_near("127.0.0.0/8")


@dataclass(frozen=True)
class Here:
    """A member of a node."""

    model: Model
    path: Path | None


@asynccontextmanager
async def served(routes: list[BaseRoute]) -> AsyncIterator[str]:
    """Serve an application on the loopback interface, and yield its URL."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(Starlette(routes=routes), log_level="error", lifespan="off", ws="websockets-sansio")
    server = uvicorn.Server(config)
    server.capture_signals = nullcontext  # type: ignore[method-assign]
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        server.force_exit = True
        await serving


def offer(name: str) -> Offer:
    return Offer(name=name, digest="0" * 64, abilities=Abilities(logprobs=True, scores=True, tokens=True))


def client(url: str, name: str, **settings: Any) -> NodeClient:
    return NodeClient(url, offer(name), **{"policy": NEAR, "timeout": 20.0, **settings})


class Entered:
    """Counts who is inside."""

    def __init__(self) -> None:
        self.inside: dict[str, int] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        self.inside[name] = self.inside.get(name, 0) + 1
        try:
            yield
        finally:
            self.inside[name] -= 1


def service(members: Mapping[str, Here], entered: Entered | None = None) -> TokenService:
    return TokenService(members, entered or Entered())


Script = Callable[[WebSocket], Awaitable[None]]


def hostile(script: Script, vocabulary: bytes = b"") -> list[BaseRoute]:
    """Return the routes of a node that says what a script says."""

    async def serve(connection: WebSocket) -> None:
        await connection.accept()
        await script(connection)

    async def file(_: object) -> Response:
        return Response(vocabulary, media_type="application/octet-stream")

    return [WebSocketRoute(PATH, serve), Route(VOCABULARY_PATH, file)]
