"""A connection of HTTP/1.1, the head of whose requests is bounded in size and time.

The parser keeps whatever comes until a head is whole, and waits for it without end: this is before anyone was let in.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD = 64 * 2**10
"""Bytes of the longest unfinished head of a request, its first line and its headers."""
HEAD_SECONDS = 30.0
"""Seconds in which a head must have arrived."""


class Connection(HttpToolsProtocol):
    """uvicorn's connection, closed when a head is too long or too slow."""

    _in_head = True
    """Whether a request has begun, and its head is not whole. A new connection owes one."""
    _upgraded = False
    _head_bytes = 0
    _closing: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_whole()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._upgraded or self.transport.is_closing():
            return
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD:
                self.send_400_response("The head of the request is too long.")
                return
        if self._in_head or self.cycle is None or self.cycle.response_complete:
            self._await_head()

    def on_message_begin(self) -> None:
        self._in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_is_whole()
        super().on_headers_complete()

    def handle_websocket_upgrade(self) -> None:
        self._upgraded = True
        super().handle_websocket_upgrade()

    def _await_head(self) -> None:
        if self._closing is None:
            self._closing = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _head_is_whole(self) -> None:
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None
