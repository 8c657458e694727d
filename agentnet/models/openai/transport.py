"""The HTTP connection to one server: to checked IP addresses only, and never redirected.

The HTTP library comes with the installed openai: httpx, or httpx2 for openai 3. What is used of them here is the same.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING
from urllib.request import getproxies, proxy_bypass

from openai import DefaultAsyncHttpxClient

from agentnet.errors import ModelError
from agentnet.models.addresses import AddressPolicy, Resolver, Server

if TYPE_CHECKING:
    import httpx2 as http
else:
    http = import_module(DefaultAsyncHttpxClient.__base__.__module__.partition(".")[0])

CONNECTIONS = http.Limits(max_connections=1000, max_keepalive_connections=100)


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
        """Send a request. Raises the HTTP library's errors, and `ModelError` if the server may not be asked."""
        if request.url.host.lower() != self._server.host:
            raise ModelError(f"a request to {request.url.host} is not sent: the server is {self._server.host}")
        if self._through_proxy or self._server.address is not None:
            return await self._wire.handle_async_request(request)
        self._pinned = self._pinned or await self._policy.addresses(self._server, self._resolver)
        pinned, url = self._pinned, request.url
        request.extensions = {**request.extensions, "sni_hostname": self._server.host}
        for address in pinned:
            request.url = url.copy_with(host=address)
            try:
                return await self._wire.handle_async_request(request)
            except (http.ConnectError, http.ConnectTimeout):
                if address == pinned[-1]:
                    self._pinned = ()
                    raise
            finally:
                request.url = url
        raise AssertionError("the policy returns at least one address")

    async def aclose(self) -> None:
        await self._wire.aclose()


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
