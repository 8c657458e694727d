"""A WebSocket as an `asyncio.Protocol`, for one question and one answer at a time.

The frames are those of the websockets library; its own connections do more than is needed here, which costs a fused
step a tenth of a millisecond. Nothing is compressed, no redirect is followed, and a server that sends more than it is
asked for is cut off.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import cast

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.uri import parse_uri

MOST_WAITING = 2
"""Frames that may wait to be read: there is one answer to a question."""


class WebSocket(asyncio.Protocol):
    """The client's side of one connection. `opened` is empty once the other side has agreed, or says why it has not."""

    def __init__(self, url: str, headers: Mapping[str, str], *, most: int) -> None:
        """`url` begins with ws or wss, and `most` is the most bytes of a message."""
        self._protocol = ClientProtocol(parse_uri(url), max_size=most)
        self._headers = headers
        self._parts: list[bytes] = []
        self._text = False
        """Whether the message that is being received is a text."""
        self._messages: deque[str | bytes] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None
        self.opened: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.ended = ""
        """Why the connection is over; empty while it is not."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        request = self._protocol.connect()
        request.headers.update(self._headers)
        self._protocol.send_request(request)
        self._flush()

    def data_received(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        self._take_in()

    def eof_received(self) -> None:
        self._protocol.receive_eof()
        self._take_in()

    def pause_writing(self) -> None:
        """Read nothing while the other side reads nothing: else the answers to its pings would fill the memory."""
        assert self._transport is not None
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        assert self._transport is not None
        self._transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        self.end(str(error) if error is not None else "the other side has closed it")

    def send(self, text: str) -> None:
        """Send a text. Nothing happens on a connection that is over."""
        if not self.ended:
            self._protocol.send_text(text.encode())
            self._flush()

    async def receive(self, seconds: float) -> str | bytes:
        """Return the next message. Raises `TimeoutError`, and `ConnectionError` if the connection is over."""
        if not self._messages and not self.ended:
            loop = asyncio.get_running_loop()
            waiter = self._waiter = loop.create_future()
            timer = loop.call_later(seconds, _resolve, waiter)
            try:
                await waiter
            finally:
                timer.cancel()
                self._waiter = None
        if self._messages:
            return self._messages.popleft()
        if self.ended:
            raise ConnectionError(self.ended)
        raise TimeoutError

    def close(self) -> None:
        """Say that the connection is over, and end it."""
        if not self.ended:
            self._protocol.send_close(1000)
            self._flush()
            self.end("closed")

    def end(self, why: str) -> None:
        """End the connection, after what was sent. Ending twice is harmless."""
        if self.ended:
            return
        self.ended = why
        if self._transport is not None:
            self._transport.close()
        if not self.opened.done():
            self.opened.set_result(why)
        self._wake()

    def _take_in(self) -> None:
        for event in self._protocol.events_received():
            if isinstance(event, Response):
                self._agreed(event)
            elif isinstance(event, Frame):
                self._frame(event)
        self._flush()
        if self._protocol.close_expected():
            code = self._protocol.close_code
            self.end(f"{self._protocol.close_reason or 'the other side has closed it'} ({code})" if code else "closed")

    def _agreed(self, response: Response) -> None:
        if (error := self._protocol.handshake_exc) is None:
            self.opened.set_result("")
        else:
            self.end(str(error) if isinstance(error, InvalidHandshake) else type(error).__name__)

    def _frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.TEXT or frame.opcode is Opcode.BINARY:
            self._text = frame.opcode is Opcode.TEXT
            self._parts = []
        elif frame.opcode is not Opcode.CONT:
            return
        self._parts.append(bytes(frame.data))
        if frame.fin:
            data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
            self._messages.append(data.decode(errors="replace") if self._text else data)
            if len(self._messages) > MOST_WAITING:
                self.end("it says more than it is asked for")
            self._wake()

    def _flush(self) -> None:
        assert self._transport is not None
        for data in self._protocol.data_to_send():
            if data:
                self._transport.write(data)
            elif self._transport.can_write_eof():
                self._transport.write_eof()

    def _wake(self) -> None:
        if self._waiter is not None:
            _resolve(self._waiter)


def _resolve(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
