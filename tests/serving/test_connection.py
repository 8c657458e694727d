"""What comes over a connection before anybody was let in: the head of a request, bounded in size and time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentnet.serving import connection
from agentnet.serving.app import application
from agentnet.serving.process import listen, serving

GET = b"GET /slow HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async def slow(request: Request) -> Response:
        await asyncio.sleep(0.6)
        return JSONResponse({"size": len(await request.body())})

    listening = listen("127.0.0.1", 0)
    async with serving(application([Route("/slow", slow, methods=["GET", "POST"])]), listening):
        yield listening.getsockname()[1]


async def sent(port: int, *parts: bytes) -> bytes:
    """All that a server answers to what is sent, up to the end of the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await asyncio.sleep(0.01)
        return await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()


@pytest.mark.parametrize("endless", [b"X-Long: " + b"x" * connection.MOST_HEAD, b"X: y\r\n" * 11_000])
async def test_a_head_without_end_is_refused(port: int, endless: bytes) -> None:
    assert (await sent(port, GET, endless)).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("begun", [b"", b"GE", GET, b"\r\n"])
async def test_a_head_that_does_not_arrive_ends_the_connection(
    port: int, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.2)
    assert await sent(port, begun) == b""


async def test_a_response_may_take_longer_and_a_body_may_be_larger(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.2)
    size = 2 * connection.MOST_HEAD
    post = GET.replace(b"GET", b"POST") + b"Content-Length: %d\r\n\r\n" % size + b"x" * size
    answer = await sent(port, post, GET + b"Connection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert b'{"size":%d}' % size in answer
