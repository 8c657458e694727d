"""A raw HTTP server for answers that no well-behaved one gives: endless, dripping, silent, compressed bombs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

Script = Callable[[Any], AsyncIterator[bytes]]
"""Gets a request's body, and yields everything that is sent, from the status line on."""

HEAD = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: "
JSON, EVENTS = HEAD + b"application/json\r\n\r\n", HEAD + b"text/event-stream\r\n\r\n"


@asynccontextmanager
async def hostile(script: Script) -> AsyncIterator[str]:
    """Yield the URL of a server that plays a script for every request."""
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            (length,) = (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            async for part in script(json.loads(await reader.readexactly(length))):
                writer.write(part)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        server.close()
        for writer in writers:
            writer.close()


def whole(body: Any, head: bytes = JSON) -> Script:
    """A script that sends one body."""

    async def script(_: Any) -> AsyncIterator[bytes]:
        yield head + (body if isinstance(body, bytes) else json.dumps(body).encode())

    return script


def event(text: str, finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish, **more}
    return f"data: {json.dumps({'choices': [choice]})}\n\n".encode()


def chat(text: str = "4", usage: Any = None, logprobs: Any = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop", **more}
    return {"choices": [choice | {"logprobs": logprobs}], "usage": usage}


def next_token(*tops: Any) -> dict[str, Any]:
    return chat("x", logprobs={"content": [{"token": "x", "logprob": -1.0, "top_logprobs": list(tops)}]})
