"""Servers of tools: programs that are started, and one over HTTP."""

from __future__ import annotations

import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
import uvicorn

from agentnet.agents.tools import ToolServers
from agentnet.agents.tools.consent import allow
from agentnet.contracts.tools import ToolServer
from tests.agents.tools import workshop
from tests.models.conftest import loopback

__all__ = ["loopback"]

Opened = Callable[..., AbstractAsyncContextManager[ToolServers]]


def command(log: Path) -> tuple[str, ...]:
    """Return the command of a workshop that logs its calls to a file."""
    return (sys.executable, workshop.__file__, str(log))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "calls.jsonl"


@pytest.fixture
def opened(tmp_path: Path, over_http: Callable[..., str]) -> Opened:
    """Opens servers, by default one called ``shop`` over HTTP; programs are allowed, and all are started."""

    @asynccontextmanager
    async def open_servers(**servers: ToolServer) -> AsyncIterator[ToolServers]:
        servers = servers or {"shop": ToolServer(url=over_http())}
        for server in servers.values():
            if server.command:
                allow(server, tmp_path, tmp_path / "home")
        async with ToolServers.open(servers, tmp_path, tmp_path / "home") as found:
            await found.start(servers)
            yield found

    return open_servers


@pytest.fixture
def over_http(log: Path) -> Iterator[Callable[..., str]]:
    """Serves an ASGI application on a free port of this machine, by default a workshop; returns its URL."""
    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def serve(app: object = None) -> str:
        app = app or workshop.workshop(log).streamable_http_app()
        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error")  # type: ignore[arg-type]
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        running.append((server, thread))
        while not server.started:
            thread.join(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}/mcp"

    yield serve
    for server, thread in running:
        server.should_exit = server.force_exit = True
        thread.join(10)
