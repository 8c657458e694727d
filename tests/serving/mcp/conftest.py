"""A gateway's MCP server on loopback, in front of scripted members, with callers who are told apart by their tokens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from starlette.requests import HTTPConnection

from agentnet.contracts.serving import Caller
from agentnet.models.base import Request
from agentnet.network import Network
from agentnet.serving.app import Entrance, Problem, application
from agentnet.serving.gateway import Gateway
from agentnet.serving.mcp.mounting import mcp_surface
from agentnet.serving.process import listen, serving, url_of
from agentnet.serving.running import RunService
from agentnet.session import Session
from agentnet.settings import resolve
from agentnet.store.storage import open_storage
from tests.scripted import agent, network, role_of, says, verdict

ERAS = ("legacy", "auto")
"""How a client connects: with the handshake of 2025, or as the server and the client agree, which is 2026."""
CALLERS = {
    "ada": Caller(id="ada", name="Ada", scopes=("ask",)),
    "ben": Caller(id="ben", name="Ben", scopes=("ask",)),
    "root": Caller(id="root", name="Root", scopes=("admin",)),
}


class Tokens:
    """Lets callers in by tokens that are their names."""

    async def admit(self, connection: HTTPConnection) -> Caller:
        token = connection.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in CALLERS:
            raise Problem(401, "no key", "unauthorized")
        return CALLERS[token]


def approves_numbers(request: Request) -> str:
    """What the verifier says: it approves of whatever ends with a number."""
    return verdict("approve", "it is a number") if role_of(request) == "verify" else "=> 7"


def team() -> Network:
    """Two that solve, of whom ann is the better one, and one that verifies."""
    return network(
        agent("ann", says("3 + 4 is 7 => 7"), claims={"math": 0.9}),
        agent("bob", says("=> 8"), claims={"math": 0.5}),
        agent("cal", approves_numbers, roles=("verifier", "judge")),
    )


@dataclass
class Stuck:
    """A member's script that waits for ever, and tells when it is asked and when it is cancelled."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, request: Request) -> str:
        self.asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()
        raise AssertionError


@dataclass(frozen=True)
class Running:
    """An MCP server that runs: its address, and the session behind it."""

    url: str
    session: Session
    end: Callable[[], None]
    """Does what is done when the server is to end."""

    @asynccontextmanager
    async def client(self, token: str = "", era: str = "auto", **more: Any) -> AsyncIterator[Client]:
        """Connect the SDK's client, as the caller of a token."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=30) as http,
            Client(streamable_http_client(f"{self.url}/mcp", http_client=http), mode=era, **more) as client,
        ):
            yield client


Serve = Callable[..., AbstractAsyncContextManager[Running]]


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Serves a network of members that store their runs."""

    @asynccontextmanager
    async def run(members: Network | None = None, door: Entrance | None = None) -> AsyncIterator[Running]:
        async with AsyncExitStack() as stack:
            storage = await stack.enter_async_context(open_storage(resolve(store=str(tmp_path / "store.db"))))
            session = Session(members or team(), storage=storage)
            stack.push_async_callback(session.close)
            listening = listen("127.0.0.1", 0)
            url = url_of(listening)
            surface = mcp_surface(Gateway(session, RunService(session), url))
            for work in surface.running:
                await stack.enter_async_context(work())
            await stack.enter_async_context(serving(application(surface.routes, door=door), listening))
            (end,) = surface.ending
            yield Running(url, session, end)

    return run


@pytest.fixture
async def running(serve: Serve) -> AsyncIterator[Running]:
    """The server of the team, in a task of its own: it has to end in the one in which it began."""
    ready, end = asyncio.get_running_loop().create_future(), asyncio.Event()

    async def run() -> None:
        async with serve() as found:
            ready.set_result(found)
            await end.wait()

    task = asyncio.create_task(run())
    await asyncio.wait((ready, task), return_when=asyncio.FIRST_COMPLETED)
    yield await (ready if ready.done() else task)
    end.set()
    await task
