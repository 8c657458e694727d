"""`ToolServers`: the MCP servers of one network, open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from agentnet.agents.tools.connection import ToolConnection
from agentnet.agents.tools.toolbox import Toolbox
from agentnet.contracts.tools import ToolServer, ToolUse
from agentnet.errors import ToolError


class ToolServers:
    """The servers that a network file names. One is started when a member that uses it is opened, and once only."""

    def __init__(self, servers: Mapping[str, ToolServer], base: Path, home: Path) -> None:
        """Name the servers; `base` is the network file's folder, `home` has the list of allowed commands."""
        self.connections = {name: ToolConnection(name, spec, base, home) for name, spec in servers.items()}

    @classmethod
    @asynccontextmanager
    async def open(cls, servers: Mapping[str, ToolServer], base: Path, home: Path) -> AsyncIterator[ToolServers]:
        """Yield the servers, and close those that were started at the end."""
        opened = cls(servers, base, home)
        try:
            yield opened
        finally:
            await asyncio.gather(*(connection.close() for connection in opened.connections.values()))

    async def start(self, names: Iterable[str]) -> None:
        """Start some servers, side by side, where they are not. Those that fail have a `problem`."""
        known = [self.connections[name] for name in names if name in self.connections]
        await asyncio.gather(*(connection.start() for connection in known))

    def toolbox(self, use: ToolUse) -> Toolbox:
        """Return what a member may use, of servers that were started, with all that is wrong with the rest."""
        offers, problems = {}, []
        for name in use.allow:
            server = name.partition("/")[0]
            connection = self.connections.get(server)
            if connection is None:
                problems.append(f"{name}: the server {server!r} is not open here")
            elif connection.problem is not None:
                problems.append(connection.problem)
            elif name in connection.offers:
                offers[name] = connection.offers[name]
            else:
                there = ", ".join(connection.offers) or "none"
                problems.append(connection.unusable.get(name, f"{name}: no such tool (the server has {there})"))
        return Toolbox(use, offers, tuple(dict.fromkeys(problems)), self.connection)

    def connection(self, tool: str) -> ToolConnection:
        """Return the server of a tool ``SERVER/TOOL``. Raises `ToolError`."""
        server = tool.partition("/")[0]
        if server not in self.connections:
            raise ToolError(f"{tool}: the server {server!r} is not open here")
        return self.connections[server]
