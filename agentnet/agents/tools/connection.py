"""The connection to one MCP server: started once, its tools listed, started again after it broke."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from agentnet.agents.tools.consent import is_allowed
from agentnet.agents.tools.offers import offer
from agentnet.contracts.base import shown
from agentnet.contracts.model_specs import OpenAISpec
from agentnet.contracts.tools import TOOL_NAME, ToolServer
from agentnet.errors import AgentNetError, ToolError
from agentnet.models.addresses import OWNER
from agentnet.models.base import ToolOffer
from agentnet.models.openai.keys import hide_secrets, key_for
from agentnet.redaction import know, redacted_url

if TYPE_CHECKING:
    from mcp.client.client import Client
    from mcp_types import CallToolResult, RequestParamsMeta

for _name in ("mcp", "client"):  # the client's loggers tell of each line that is no message, with a traceback
    logging.getLogger(_name).addHandler(logging.NullHandler())

MOST_TOOLS, MOST_PAGES = 200, 20
CALL_ID = "agentnet/call"
"""Where a call's `_meta` says which call it is: a server that is asked a second time after a crash can tell."""
_SHIPPED = {"calculator": Path(__file__).with_name("calculator.py")}


class ToolConnection:
    """One server of a network. Belongs to one event loop; its methods may run concurrently."""

    def __init__(self, name: str, spec: ToolServer, base: Path, home: Path) -> None:
        self.name, self._spec, self._base, self._home = name, spec, base, home
        self.offers: dict[str, ToolOffer] = {}
        """Tool, as ``SERVER/TOOL``, → what members are offered of it."""
        self.unusable: dict[str, str] = {}
        """Tool → why it cannot be used."""
        self.problem: str | None = None
        """Why the server cannot be used; None while it can."""
        self._lock = asyncio.Lock()
        self._session: asyncio.Task[None] | None = None
        self._client: Client | None = None
        self._closing = asyncio.Event()

    async def start(self) -> None:
        """Start the server, and list its tools, unless that was done. A failure is its `problem`, and is not raised."""
        try:
            await self._connected()
            self.problem = None
        except AgentNetError as error:
            self.problem = str(error)

    async def call(self, tool: str, arguments: dict[str, Any], *, seconds: float, id: str) -> CallToolResult:
        """Return what a tool, by its own name, returns. Raises `ToolError`, also for a server that breaks meanwhile."""
        from mcp.shared.exceptions import MCPError

        client = await self._connected()
        try:
            async with asyncio.timeout(seconds):
                return await client.call_tool(tool, arguments, meta=cast("RequestParamsMeta", {CALL_ID: id}))
        except TimeoutError as error:
            raise ToolError(f"{self.name}/{tool}: no result within {seconds:g} s") from error
        except Exception as error:
            if not isinstance(error, MCPError) or _is_closed(error):
                await self._disconnect(client)
            raise ToolError(f"{self.name}/{tool}: {_said(error)}") from error

    async def close(self) -> None:
        """Close the connection, and end the server if it was started here. Closing twice is harmless."""
        await self._disconnect(self._client)

    async def _connected(self) -> Client:
        try:
            async with asyncio.timeout(self._spec.start), self._lock:  # with the time that others take to start it
                if self._client is None:
                    await self._begin()
                assert self._client is not None
                return self._client
        except TimeoutError as error:
            raise ToolError(
                f"{self.name}: it did not list its tools within {self._spec.start:g} s; raise `start`"
            ) from error

    async def _begin(self) -> None:
        ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self._closing = asyncio.Event()
        self._session = asyncio.create_task(self._serve(ready, self._closing))
        try:
            self._client = await asyncio.shield(ready)
        finally:
            if self._client is None:
                await self._end_session()

    async def _serve(self, ready: asyncio.Future[Client], closing: asyncio.Event) -> None:
        """Hold the connection open: it has to be closed by the task that opened it."""
        try:
            async with self._open() as client:
                await self._list(client)
                if not ready.done():
                    ready.set_result(client)
                await closing.wait()
        except Exception as error:
            if not ready.done():
                known = error if isinstance(error, AgentNetError) else None
                ready.set_exception(known or ToolError(f"{self.name}: cannot be used: {_said(error)}"))
                ready.exception()  # a caller that left meanwhile does not read it
        finally:
            ready.cancel()

    async def _disconnect(self, client: Client | None) -> None:
        """End a session, unless another one took its place."""
        async with self._lock:
            if client is self._client:
                self._client = None
                await self._end_session()

    async def _end_session(self) -> None:
        session, self._session = self._session, None
        self._closing.set()
        if session is not None:
            await asyncio.wait({session}, timeout=0.05)
            session.cancel()
            await asyncio.wait({session})  # to await the session itself would take a cancellation of ours for its own

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Client]:
        try:
            from mcp.client.client import Client
        except ImportError as error:
            raise ToolError(f"{self.name}: tools need the extra serve: pip install 'agentnet-ai[serve]'") from error
        async with AsyncExitStack() as opened:
            if self._spec.url is not None:
                transport = await self._http(self._spec.url, opened)
            else:
                transport = self._program(opened)
            client = await opened.enter_async_context(Client(transport, cache=None))
            client.session.validate_tool_result = _unchecked  # type: ignore[method-assign]
            yield client

    def _program(self, opened: AsyncExitStack) -> Any:
        """Return the transport of a server that is started here. It gets few variables of the environment."""
        from mcp.client.stdio import StdioServerParameters, stdio_client

        if self._spec.shipped is not None:
            command: tuple[str, ...] = (sys.executable, "-I", str(_SHIPPED[self._spec.shipped]))
        else:
            command = self._spec.command
            if not is_allowed(self._spec, self._base, self._home):
                raise ToolError(
                    f"{self.name}: the command `{shown(' '.join(command), 200)}` was not allowed on this machine; "
                    f"look at it, then allow it with `agentnet tools --network FILE --allow`"
                )
        variables = {name: os.environ[name] for name in self._spec.env if name in os.environ}
        know(*variables.values())
        parameters = StdioServerParameters(
            command=command[0], args=list(command[1:]), env=variables, cwd=self._base, encoding_error_handler="replace"
        )
        return stdio_client(parameters, errlog=opened.enter_context(open(os.devnull, "w")))

    async def _http(self, url: str, opened: AsyncExitStack) -> Any:
        from mcp.client.streamable_http import streamable_http_client

        from agentnet.agents.tools.http import connect

        server = OWNER.check(url)
        await OWNER.addresses(server)
        spec = OpenAISpec(model=f"tools.{self.name}", base_url=url, api_key_env=self._spec.key_env or "")
        hide_secrets(spec, url)
        client = await opened.enter_async_context(connect(url, key_for(spec, server, OWNER)))
        return streamable_http_client(url, http_client=client)

    async def _list(self, client: Client) -> None:
        """Read which tools the server has; those with unusable schemas are noted."""
        offers: dict[str, ToolOffer] = {}
        unusable: dict[str, str] = {}
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            page = await client.list_tools(cursor=cursor)
            for tool in page.tools[: MOST_TOOLS - len(offers) - len(unusable)]:
                name = f"{self.name}/{tool.name}"
                if not TOOL_NAME.fullmatch(name):
                    continue
                try:
                    offers[name] = offer(name, tool.description, tool.input_schema)
                except ToolError as error:
                    unusable[name] = str(error)
            cursor = page.next_cursor
            if cursor is None:
                break
        self.offers, self.unusable = offers, unusable

    def __str__(self) -> str:
        spec = self._spec
        return spec.shipped or (redacted_url(spec.url) if spec.url else shown(" ".join(spec.command), 200))


async def _unchecked(name: str, result: CallToolResult) -> None:
    """Take a result as it is: its text is what counts, and patterns in a server's schema may take for ever to match."""


def _is_closed(error: Exception) -> bool:
    """Return whether a connection is of no use any more; the SDK calls it an invalid request if a session is gone."""
    from mcp_types import CONNECTION_CLOSED, INVALID_REQUEST

    return getattr(error, "code", None) in (CONNECTION_CLOSED, INVALID_REQUEST)


def _said(error: BaseException) -> str:
    """Return an error of a library in a few words; of a group, its first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, FileNotFoundError):
        return f"no program {error.filename!r}" if error.filename else "no such program"
    return shown(f"{error or type(error).__name__}", 300)
