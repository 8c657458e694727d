"""The HTTP connection to one server: to checked IP addresses only, never redirected, and no more than is asked for.

The HTTP library comes with the installed openai: httpx, or httpx2 for openai 3. What is used of them here is the same.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextvars import ContextVar
from importlib import import_module
from typing import TYPE_CHECKING
from urllib.request import getproxies, proxy_bypass

from openai import DefaultAsyncHttpxClient

from agentnet.errors import BadResponse, ModelError
from agentnet.logs import redacting
from agentnet.models.addresses import AddressPolicy, Resolver, Server

if TYPE_CHECKING:
    import httpx2 as http
else:
    http = import_module(DefaultAsyncHttpxClient.__base__.__module__.partition(".")[0])

__all__ = ["CONNECTIONS", "MOST_BYTES", "PinnedTransport", "connect", "http"]

_CORE = http.__name__.replace("httpx", "httpcore")
for _name in ("openai._base_client", http.__name__, *(f"{_CORE}.{part}" for part in ("connection", "http11", "proxy"))):
    redacting(_name)  # at their most talkative they log headers

CONNECTIONS = http.Limits(max_connections=1000, max_keepalive_connections=100)
MOST_BYTES: ContextVar[int] = ContextVar("MOST_BYTES", default=64 * 1024)
"""The most bytes of the response to the request that the current task sends."""


class PinnedTransport(http.AsyncBaseTransport):
    """Sends requests to one server, at the IP addresses that its name had when it was first asked.

    Each address is checked by the policy, and tried in turn until one accepts the connection. If none does, the next
    request resolves and checks the name again. TLS verifies the certificate of the name, not of the address.

    A proxy of the environment resolves names itself: what goes through it is not pinned, so a server that joined is
    never asked through one.
    """

    def __init__(self, server: Server, policy: AddressPolicy, resolver: Resolver | None = None) -> None:
        self._server, self._policy, self._resolver = server, policy, resolver
        proxy = None if policy.joined else _proxy(server)
        self._through_proxy = proxy is not None
        self._wire = http.AsyncHTTPTransport(limits=CONNECTIONS, proxy=proxy)
        self._pinned: tuple[str, ...] = ()

    async def handle_async_request(self, request: http.Request) -> http.Response:
        """Send a request. Raises the HTTP library's errors, and `ModelError` if the server may not be asked.

        The response raises `BadResponse` while it is read if it has more than `MOST_BYTES`, whatever its headers say.
        That of an error is cut off instead: its beginning says what is wrong.
        """
        if request.url.host.lower() != self._server.host:
            raise ModelError(f"a request to {request.url.host} is not sent: the server is {self._server.host}")
        response = await self._sent(request)
        most, stream = MOST_BYTES.get(), response.stream
        assert isinstance(stream, http.AsyncByteStream)
        if (encoding := response.headers.get("content-encoding", "identity")) != "identity":
            await stream.aclose()
            raise BadResponse(
                f"{self._server.host} sent a reply in the encoding {encoding[:20]!r}, which was not asked for; "
                "turn off compression"
            )
        response.stream = _Bounded(stream, most, f"{self._server.host} sent", cut=response.is_error)
        return response

    async def _sent(self, request: http.Request) -> http.Response:
        if self._through_proxy or self._server.address is not None:
            return await self._wire.handle_async_request(request)
        self._pinned = self._pinned or await self._policy.addresses(self._server, self._resolver)
        *others, last = self._pinned
        for address in others:
            try:
                return await self._sent_to(address, request)
            except (http.ConnectError, http.ConnectTimeout):
                continue
        try:
            return await self._sent_to(last, request)
        except (http.ConnectError, http.ConnectTimeout):
            self._pinned = ()
            raise

    async def _sent_to(self, address: str, request: http.Request) -> http.Response:
        url = request.url
        request.url = url.copy_with(host=address)
        request.extensions = {**request.extensions, "sni_hostname": self._server.host}
        try:
            return await self._wire.handle_async_request(request)
        finally:
            request.url = url

    async def aclose(self) -> None:
        await self._wire.aclose()


class _Bounded(http.AsyncByteStream):
    """A stream of at most `most` bytes: past them it ends (`cut`), or raises `BadResponse`."""

    def __init__(self, stream: http.AsyncByteStream, most: int, what: str, *, cut: bool) -> None:
        self._stream, self._most, self._what, self._cut = stream, most, what, cut

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._most
        async for part in self._stream:
            left -= len(part)
            if left >= 0:
                yield part
            elif self._cut:
                yield part[:left]
                return
            else:
                raise BadResponse(f"{self._what} more than {self._most} bytes for one reply; raise max_tokens")

    async def aclose(self) -> None:
        await self._stream.aclose()


def connect(
    server: Server, policy: AddressPolicy, *, timeout: float, resolver: Resolver | None = None
) -> http.AsyncClient:
    """Return a client for one server. It follows no redirect, and asks for replies that are not compressed."""
    return DefaultAsyncHttpxClient(
        transport=PinnedTransport(server, policy, resolver),
        follow_redirects=False,
        headers={"accept-encoding": "identity"},
        timeout=timeout,
    )


def _proxy(server: Server) -> str | None:
    """Return the environment's proxy for a server, as its URL."""
    proxies = getproxies()
    proxy = proxies.get(server.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(f"{server.host}:{server.port}"):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"
