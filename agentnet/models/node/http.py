"""Requests to a node beside OpenAI's API: bounded in bytes and in time, and every failure a `ModelError`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agentnet.errors import ContextOverflow, ModelError, ModelUnavailable
from agentnet.models.addresses import AddressPolicy, Resolver
from agentnet.models.openai.errors import quoted
from agentnet.models.openai.transport import MOST_BYTES, connect

if TYPE_CHECKING:
    import httpx2 as http

BUSY = (408, 425, 429, 500, 502, 503, 504)
"""Statuses of a node that may answer later, or whose other copies may."""


class NodeHttp:
    """The HTTP client of one node. It connects at the first request."""

    def __init__(
        self, url: str, *, access: str, timeout: float, policy: AddressPolicy, resolver: Resolver | None
    ) -> None:
        self._url, self._timeout = url, timeout
        self._policy, self._resolver = policy, resolver
        self._headers = {"Authorization": f"Bearer {access}"} if access else {}
        self._client: http.AsyncClient | None = None
        self._closed = False

    async def get(self, path: str, *, most: int, **params: str) -> bytes:
        """Return what is at a path: at most `most` bytes. Raises `ModelError`."""
        return await self._asked("GET", path, most, params=params)

    async def post(self, path: str, data: Mapping[str, Any], *, most: int) -> bytes:
        """Return the answer to JSON data: at most `most` bytes. Raises `ModelError`."""
        return await self._asked("POST", path, most, json=data)

    async def close(self) -> None:
        self._closed = True
        if self._client is not None:
            await self._client.aclose()

    async def _asked(self, method: str, path: str, most: int, **how: Any) -> bytes:
        if self._closed:
            raise ModelError(f"{self._url}: the connection is closed")
        if self._client is None:
            server = self._policy.check(self._url)
            self._client = connect(server, self._policy, timeout=self._timeout, resolver=self._resolver)
        bounded = MOST_BYTES.set(most)
        try:
            async with asyncio.timeout(self._timeout):
                response = await self._client.request(method, f"{self._url}{path}", headers=self._headers, **how)
        except ModelError:
            raise
        except TimeoutError:
            raise ModelUnavailable(f"{self._url}: no answer within {self._timeout:g} s") from None
        except Exception as error:
            why = " ".join(str(error).split())[:200] or type(error).__name__
            raise ModelUnavailable(f"{self._url}: cannot be reached ({why})") from error
        finally:
            MOST_BYTES.reset(bounded)
        content: bytes = response.content
        if response.status_code != 200:
            raise self._failure(response.status_code, content)
        return content

    def _failure(self, status: int, content: bytes) -> ModelError:
        try:
            error = json.loads(content)["error"]
            code, message = error.get("code"), error.get("message")
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            code, message = None, content[:200].decode(errors="replace")
        if code == "context_length_exceeded":
            return ContextOverflow(f"{self._url} says {quoted(message)}")
        kind = ModelUnavailable if status in BUSY else ModelError
        return kind(f"{self._url} answers {status}, {quoted(message)}")
