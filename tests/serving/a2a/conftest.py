"""A gateway on loopback that serves A2A, and the SDK's own clients of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from a2a.client.client import Client, ClientConfig
from a2a.client.client_factory import ClientFactory
from a2a.types.a2a_pb2 import Message, SendMessageRequest, StreamResponse
from google.protobuf.json_format import ParseDict

from agentnet.contracts.serving import Caller
from agentnet.models.base import Request
from agentnet.network import Members, Network
from agentnet.serving.a2a.asking import EXTENSION
from agentnet.serving.a2a.surface import a2a
from agentnet.serving.access.quotas import Quotas
from agentnet.serving.app import Problem, application
from agentnet.serving.gateway import Gateway
from agentnet.serving.process import listen, serving, url_of
from agentnet.serving.running import RunService
from agentnet.session import Session
from agentnet.settings import resolve
from agentnet.store.storage import open_storage
from tests.coordinator.test_people import maria, team
from tests.scripted import agent

ANN, BOB = Caller(id="ann", scopes=("ask",)), Caller(id="bob", scopes=("ask",))
OWNER = Caller(id="owner", scopes=("admin",))


class Names:
    """An entrance where a Bearer token is the caller's name."""

    callers: ClassVar = {caller.id: caller for caller in (ANN, BOB, OWNER)}

    async def admit(self, connection: Any) -> Caller:
        name = connection.headers.get("authorization", "").removeprefix("Bearer ")
        if connection.scope["path"].startswith("/.well-known/"):
            return ANN
        if name not in self.callers:
            raise Problem(401, "who is that?", "no-key")
        return self.callers[name]

    def most_body(self, path: str) -> int:
        return 2**20


class Known(Quotas):
    """Quotas that know the callers of these tests, who have no keys."""

    async def caller(self, id: str) -> Caller | None:
        return Names.callers.get(id)


class Gate:
    """A script that answers once it may."""

    def __init__(self) -> None:
        self.open, self.asked = asyncio.Event(), asyncio.Event()

    async def __call__(self, request: Request) -> str:
        self.asked.set()
        await self.open.wait()
        return "slowly => 391"


@dataclass
class Served:
    """A gateway that runs."""

    url: str
    gateway: Gateway
    gate: Gate
    requests: list[Request]
    """What the member scout was asked."""

    def http(self, name: str = "ann") -> httpx.AsyncClient:
        headers = {"authorization": f"Bearer {name}", "a2a-version": "1.0"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=30)

    @asynccontextmanager
    async def client(self, binding: str = "JSONRPC", name: str = "ann", **config: Any) -> AsyncIterator[Client]:
        """The SDK's client of one transport."""
        async with self.http(name) as http:
            settings = ClientConfig(httpx_client=http, supported_protocol_bindings=[binding], **config)
            async with await ClientFactory(settings).create_from_url(self.url) as client:
                yield client


def members() -> tuple[Network, Gate, list[Request]]:
    """A person, a member that answers at once, and one that waits at a gate."""
    gate, requests = Gate(), []

    def script(request: Request) -> str:
        requests.append(request)
        return "it is => 391"

    return team(maria(), others=(agent("scout", script), agent("atlas", gate))), gate, requests


@asynccontextmanager
async def served(folder: Path, network: Members | None = None) -> AsyncIterator[Served]:
    """Serve a network with its store in a folder; another server can go on with it."""
    made, gate, requests = members()
    settings = resolve(home=str(folder), store=str(folder / "store.db"))
    async with open_storage(settings) as storage:
        session = Session(network or made, settings=settings, storage=storage)
        listening = listen("127.0.0.1", 0)
        gateway = Gateway(session, RunService(session, Known(session.keys)), url_of(listening))
        app = application(a2a(gateway).routes, door=Names())
        async with gateway.runs.running(drain=0), serving(app, listening):
            yield Served(gateway.url, gateway, gate, requests)
        await session.close()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path) as found:
        yield found


def request(text: str = "What is 17 * 23?", protocol: str = "team/scout", **fields: Any) -> SendMessageRequest:
    """A message of a client; `fields` are the message's own, in the form of JSON."""
    data = {"messageId": "m1", "role": "ROLE_USER", "parts": [{"text": text}]}
    wishes = {"metadata": {EXTENSION: {"protocol": protocol}}}
    return ParseDict({"message": data | wishes | fields}, SendMessageRequest())


async def last(responses: AsyncIterator[StreamResponse]) -> StreamResponse:
    """The last of what a client hears."""
    return [response async for response in responses][-1]


def said(message: Message) -> list[str]:
    return [part.text for part in message.parts]
