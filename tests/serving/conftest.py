"""A node's API on loopback, with real models of the zoo behind it; and one whose model waits to be told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agentnet.contracts.joining import PROOF_PATH
from agentnet.contracts.network import AgentSpec, NetworkSpec
from agentnet.contracts.nodes import Abilities, Offer
from agentnet.contracts.usage import Usage
from agentnet.models.base import Chunk, Completion, ModelCapabilities, Request
from agentnet.models.openai.transport import http
from agentnet.network import Registry
from agentnet.serving.app import Door, application
from agentnet.serving.keys import NodeKey
from agentnet.serving.node.admission import Admission
from agentnet.serving.node.api import NodeApi
from agentnet.serving.node.members import Served, free_cells, served
from agentnet.serving.process import listen, serving, url_of
from tests.models.conftest import loopback

__all__ = ["loopback"]


@dataclass(frozen=True)
class RunningNode:
    """A node's API that is served at a URL."""

    url: str
    api: NodeApi
    client: http.AsyncClient

    async def chat(self, text: str, model: str = "math", **fields: Any) -> Any:
        body = {"model": model, "messages": [{"role": "user", "content": text}]} | fields
        return await self.client.post("/v1/chat/completions", json=body)


@asynccontextmanager
async def running(api: NodeApi, door: Door | None = None) -> AsyncIterator[RunningNode]:
    """Serve a node's API on a free port."""
    listening = listen("127.0.0.1", 0)
    url = url_of(listening)
    app = application(api.routes(), door=door or Door(open_paths={PROOF_PATH}))
    async with serving(app, listening), http.AsyncClient(base_url=url, timeout=30) as client:
        yield RunningNode(url, api, client)


def member(name: str = "math", **fields: Any) -> AgentSpec:
    """A member of the zoo."""
    model = {"path": f"zoo:{name}", "threads": 1, "sequences": 2}
    return AgentSpec.model_validate({"name": name, "model": model} | fields)


@pytest.fixture
async def node() -> AsyncIterator[RunningNode]:
    """A node that serves two models of the zoo."""
    spec = NetworkSpec(name="mine", agents=(member("math"), member("critic")))
    async with Registry.open(spec, Path.cwd()) as registry:
        members = served(registry.snapshot(), Path.cwd())
        slots = {name: found.slots for name, found in members.items()}
        admission = Admission(slots, free_cells=lambda: free_cells(members.values()))
        async with running(NodeApi("box", NodeKey.new(), members, admission)) as found:
            yield found


class Waiting:
    """A model that says one piece, and then waits until it is told to go on; it knows when it was cancelled."""

    name = "waiting"
    capabilities = ModelCapabilities(context=None, schema=False, logprobs=False)

    def __init__(self) -> None:
        self.go, self.begun, self.cancelled = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.first: str | None = "one"

    async def generate(self, request: Request) -> Completion:
        raise NotImplementedError

    async def stream(self, request: Request) -> AsyncIterator[Chunk]:
        try:
            self.begun.set()
            if self.first is not None:
                yield Chunk(self.first)
            await self.go.wait()
            yield Chunk(" two", Completion(f"{self.first or ''} two", "stop", Usage(calls=1, completion_tokens=2)))
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled.set()
            raise

    async def close(self) -> None:
        """Nothing is held."""


WaitingNode = Callable[..., AbstractAsyncContextManager[tuple[RunningNode, Waiting]]]


@pytest.fixture
def waiting_node() -> WaitingNode:
    """Serve one model that waits; `most` requests at a time."""

    @asynccontextmanager
    async def made(
        most: int = 4, slots: int = 1, door: Door | None = None
    ) -> AsyncIterator[tuple[RunningNode, Waiting]]:
        model = Waiting()
        offer = Offer(name="slow", digest="0" * 64, abilities=Abilities())
        members = {"slow": Served(model, offer, slots=slots, path=None)}
        api = NodeApi("box", NodeKey.new(), members, Admission({"slow": slots}, most=most))
        async with running(api, door) as found:
            try:
                yield found, model
            finally:
                with contextlib.suppress(RuntimeError):
                    model.go.set()

    return made
