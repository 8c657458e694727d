"""The MCP server of a network over the standard streams of this process: its client started it."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from mcp.server.stdio import stdio_server

from agentnet.serving.mcp.server import mcp_server
from agentnet.serving.names import Names
from agentnet.serving.process import Ending
from agentnet.serving.running import RunService
from agentnet.session import open_session
from agentnet.settings import Settings

if TYPE_CHECKING:
    from anyio import AsyncFile

AT_ONCE = 65_536
"""Bytes of one read."""


async def serve_stdio(settings: Settings) -> None:
    """Serve until the input ends, or SIGTERM or Ctrl-C. Runs that go on then are cancelled.

    Raises the errors of `open_session`.
    """
    with Ending() as ending:
        async with open_session(settings=settings) as session:
            server = mcp_server(RunService(session), Names(session))
            lines = cast("AsyncFile[str]", _lines(sys.stdin.fileno(), ending.wanted))
            async with stdio_server(stdin=lines) as (incoming, outgoing):
                await server.run(incoming, outgoing, server.create_initialization_options())


async def _lines(descriptor: int, ending: asyncio.Event) -> AsyncIterator[str]:
    """Yield the lines of a stream until it ends, or the event is set.

    A thread of its own reads: one that waits for input does not hold up the end of the process.
    """
    chunks: asyncio.Queue[bytes] = asyncio.Queue(1)
    reader = threading.Thread(target=_read, args=(descriptor, asyncio.get_running_loop(), chunks), daemon=True)
    reader.start()

    async def end() -> None:
        await ending.wait()
        await chunks.put(b"")

    wanted = asyncio.create_task(end())
    begun = b""
    try:
        while chunk := await chunks.get():
            *lines, begun = (begun + chunk).split(b"\n")
            for line in lines:
                yield line.decode(errors="replace")
    finally:
        wanted.cancel()


def _read(descriptor: int, loop: asyncio.AbstractEventLoop, chunks: asyncio.Queue[bytes]) -> None:
    """Put what a stream holds into a queue, and nothing at its end; in a thread."""
    with suppress(RuntimeError):  # the event loop has ended
        while True:
            try:
                chunk = os.read(descriptor, AT_ONCE)
            except OSError:
                chunk = b""
            asyncio.run_coroutine_threadsafe(chunks.put(chunk), loop).result()
            if not chunk:
                return
