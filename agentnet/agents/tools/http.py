"""The HTTP connection to an MCP server: no redirects to other hosts (the SDK sees to it), and bounded answers."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2

MOST_BYTES = 1024 * 1024
"""Bytes of an answer. Of a stream of events, those of each event: the SDK bounds it."""
TIMEOUT, READ_TIMEOUT = 30.0, 300.0
"""Seconds to connect and to send, and seconds without anything to read; a call has a limit of its own."""


class BoundedTransport(httpx2.AsyncHTTPTransport):
    """Raises while an answer is read that is too long. Redirects are answers without what was asked for."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        if not response.headers.get("content-type", "").startswith("text/event-stream"):
            stream = response.stream
            assert isinstance(stream, httpx2.AsyncByteStream)
            response.stream = _Bounded(stream)
        return response


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MOST_BYTES
        async for part in self._stream:
            left -= len(part)
            if left < 0:
                raise httpx2.ReadError(f"an answer of more than {MOST_BYTES} bytes")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


def connect(url: str, key: str | None) -> httpx2.AsyncClient:
    """Return a client for the server at a URL, which gets a key, if there is one, as a Bearer token."""
    headers = {"accept-encoding": "identity"} | ({"authorization": f"Bearer {key}"} if key else {})
    timeout = httpx2.Timeout(TIMEOUT, read=READ_TIMEOUT)
    return httpx2.AsyncClient(transport=BoundedTransport(), follow_redirects=False, headers=headers, timeout=timeout)
