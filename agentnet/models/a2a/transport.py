"""The SDK's HTTP connection to one agent: to checked addresses only, never redirected, and bounded.

The SDK is made for httpx. What guards the connection (`agentnet.models.openai.transport`) may stand on httpx2, so that
requests and responses are handed over between the two.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import httpx

from agentnet.models.addresses import AddressPolicy, Resolver, Server
from agentnet.models.openai.transport import PinnedTransport, http


class AgentTransport(httpx.AsyncBaseTransport):
    """Sends the SDK's requests through a `PinnedTransport`."""

    def __init__(self, server: Server, policy: AddressPolicy, resolver: Resolver | None = None) -> None:
        self._pinned = PinnedTransport(server, policy, resolver)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request. Raises the errors of httpx, and those of `PinnedTransport`."""
        sent = http.Request(
            request.method,
            str(request.url),
            headers=request.headers.raw,
            content=await request.aread(),
            extensions=request.extensions,
        )
        with _errors():
            response = await self._pinned.handle_async_request(sent)
        stream = response.stream
        assert isinstance(stream, http.AsyncByteStream)
        return httpx.Response(response.status_code, headers=response.headers.raw, stream=_Stream(stream))

    async def aclose(self) -> None:
        await self._pinned.aclose()


class _Stream(httpx.AsyncByteStream):
    def __init__(self, stream: http.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _errors():
            async for part in self._stream:
                yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


@contextmanager
def _errors() -> Iterator[None]:
    """Raise the errors of one library as those of the other."""
    try:
        yield
    except http.TimeoutException as error:
        raise httpx.ReadTimeout(str(error)) from error
    except http.HTTPError as error:
        raise httpx.TransportError(f"{error or type(error).__name__}") from error
