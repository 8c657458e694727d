"""The zoo behind a gateway on loopback, for clients of OpenAI's API; and a network whose model waits to be told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
import pytest

from agentnet.agents import ModelAgent
from agentnet.contracts.cards import Card
from agentnet.models.openai.transport import http
from agentnet.network import Network
from agentnet.prompts import find_pack
from agentnet.serving.app import application
from agentnet.serving.gateway import Gateway
from agentnet.serving.openai.surface import openai_surface
from agentnet.serving.process import listen, serving, url_of
from agentnet.serving.running import RunService
from agentnet.session import Session, open_session
from agentnet.settings import resolve
from agentnet.store.storage import open_storage
from tests.scripted import network
from tests.serving.conftest import Waiting

SUM = "What is 12 + 7?"


@dataclass(frozen=True)
class RunningGateway:
    """A gateway that is served at a URL, with OpenAI's own client for it."""

    url: str
    session: Session
    client: openai.AsyncOpenAI
    http: http.AsyncClient

    async def chat(self, model: str = "zoo/math", text: str = SUM, **fields: Any) -> Any:
        body = {"model": model, "messages": [{"role": "user", "content": text}]} | fields
        headers = {"content-type": "application/json"}
        return await self.http.post("/v1/chat/completions", content=json.dumps(body), headers=headers)


@asynccontextmanager
async def running(session: Session) -> AsyncIterator[RunningGateway]:
    """Serve a session's network on a free port."""
    listening = listen("127.0.0.1", 0)
    url = url_of(listening)
    mounted = openai_surface(Gateway(session, RunService(session), url))
    async with (
        serving(application(mounted.routes), listening),
        openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client,
        http.AsyncClient(base_url=url, timeout=60) as plain,
    ):
        yield RunningGateway(url, session, client, plain)


@pytest.fixture
async def zoo(tmp_path: Path) -> AsyncIterator[RunningGateway]:
    """The zoo behind a gateway."""
    async with open_session("zoo", store=tmp_path / "store.db") as session, running(session) as found:
        yield found


Team = Callable[..., AbstractAsyncContextManager[RunningGateway]]
"""Serves a network of some agents."""


@pytest.fixture
def team(tmp_path: Path) -> Team:
    """Serve a network of scripted agents, with a store."""

    @asynccontextmanager
    async def made(*agents: ModelAgent, people: Network | None = None) -> AsyncIterator[RunningGateway]:
        settings = resolve(store=str(tmp_path / "team.db"))
        async with open_storage(settings) as storage:
            session = Session(people or network(*agents), settings=settings, storage=storage)
            async with running(session) as found:
                yield found
            await session.close()

    return made


def slow(model: Waiting, name: str = "slow") -> ModelAgent:
    """A member whose model waits until it is told to go on."""
    return ModelAgent(name, model, Card(), find_pack("instruct"))
