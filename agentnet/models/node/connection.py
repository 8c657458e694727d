"""One WebSocket to a node: to checked addresses only, never redirected, bounded in bytes and in time."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

from agentnet.errors import BadResponse, ContextOverflow, ModelError, ModelUnavailable
from agentnet.models.addresses import AddressPolicy, Resolver
from agentnet.models.node.frames import MOST_SAID, WORD, Failed, Word
from agentnet.models.openai.errors import quoted

if TYPE_CHECKING:
    from agentnet.models.node.websocket import WebSocket

CONNECTING = 10.0
"""Seconds for a connection to be made."""
EXTRA = "WebSockets to nodes need a package that is not installed: pip install 'agentnet-ai[serve]'"

W = TypeVar("W")


class Connection:
    """A WebSocket to one node. One question at a time: who asks waits for the answer.

    What goes wrong closes it, and every further use raises the same error.
    """

    def __init__(self, socket: WebSocket, where: str) -> None:
        self.where = where
        self._socket = socket
        self._failure: ModelError | None = None

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        policy: AddressPolicy,
        headers: Mapping[str, str],
        resolver: Resolver | None = None,
    ) -> Connection:
        """Connect to a URL (http or https). Raises `ModelError`."""
        try:
            from agentnet.models.node.websocket import WebSocket
        except ImportError:
            raise ModelError(EXTRA) from None
        server = policy.check(url)
        secure = server.scheme == "https"
        address_of_socket = ("wss" if secure else "ws") + url.removeprefix(server.scheme)
        where = f"{server.scheme}://{server.host}:{server.port}"
        loop = asyncio.get_running_loop()
        failure: Exception | None = None
        for address in await policy.addresses(server, resolver):
            socket = WebSocket(address_of_socket, headers, most=MOST_SAID)
            try:
                async with asyncio.timeout(CONNECTING):
                    await loop.create_connection(
                        lambda socket=socket: socket,
                        address,
                        server.port,
                        ssl=ssl.create_default_context() if secure else None,
                        server_hostname=server.host if secure else None,
                    )
                    if why := await socket.opened:
                        raise ConnectionError(why)
                return cls(socket, where)
            except Exception as error:
                failure = error
                socket.end("given up")
            except BaseException:
                socket.end("given up")
                raise
        raise ModelUnavailable(f"{where}: no session of tokens can be opened ({_brief(failure)}); is it a node?")

    def send(self, text: str) -> None:
        """Send a text. Raises `ModelError` if the connection is over."""
        self._check()
        self._socket.send(text)

    async def frame(self, seconds: float) -> str | bytes:
        """Return the next frame. Raises `ModelError` if there is none within `seconds`.

        A caller that is cancelled ends the connection, since the answer would be taken for that to the next question.
        """
        self._check()
        try:
            return await self._socket.receive(seconds)
        except TimeoutError:
            raise self.fail(ModelUnavailable(f"{self.where}: no answer within {seconds:g} s")) from None
        except asyncio.CancelledError:
            self.fail(ModelUnavailable(f"{self.where}: the connection was given up"))
            raise
        except ConnectionError as error:
            raise self.fail(ModelUnavailable(f"{self.where}: the connection broke ({quoted(error)})")) from error

    async def word(self, kind: type[W], seconds: float) -> W:
        """Return the next frame, which must be a word of one kind. Raises `ModelError`, also for a `Failed`."""
        word = self.read(await self.frame(seconds))
        if isinstance(word, Failed):
            raise failure_of(word, self.where)
        if not isinstance(word, kind):
            raise self.broken(f"it says {type(word).__name__} where {kind.__name__} is due")
        return word

    def read(self, frame: str | bytes) -> Word:
        """Return the word in a frame. Raises `BadResponse`."""
        try:
            return WORD.validate_json(frame)
        except ValueError:
            raise self.broken(f"unreadable: {quoted(frame[:100])}") from None

    def broken(self, why: str) -> ModelError:
        """Return the error for a node that does not keep to the protocol; the connection ends."""
        return self.fail(BadResponse(f"{self.where}: its answer is of no use: {why}"))

    def fail(self, error: ModelError) -> ModelError:
        """End the connection at once; every further use raises this error. Return it."""
        if self._failure is None:
            self._failure = error
            self._socket.end(str(error))
        return error

    def close(self) -> None:
        """End the connection in good order. Closing twice is harmless."""
        if self._failure is None:
            self._failure = ModelError(f"{self.where}: the session is closed")
            self._socket.close()

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure


_KINDS = {kind.code: kind for kind in (ContextOverflow, ModelUnavailable)}
"""What a node's failure means here, beside a `ModelError`: whatever else it says is its own affair."""


def failure_of(word: Failed, where: str) -> ModelError:
    """Return the error that a node tells of, with its words quoted."""
    return _KINDS.get(word.code, ModelError)(f"{where} says {quoted(word.detail)}")


def _brief(error: Exception | None) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
