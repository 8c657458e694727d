"""Work for a client that may go away: then it is cancelled, so that no model writes what is not read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import TypeVar

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from agentnet.serving.app import Problem
from agentnet.serving.openai.replies import failure_event

T = TypeVar("T")

QUIET_SECONDS = 10.0
"""Seconds after which a stream that says nothing sends a comment."""
COMMENT = b": the network is at work\n\n"


class ClientGone(Exception):
    """The client closed its connection before it had its reply."""


async def while_connected(receive: Receive, work: Awaitable[T]) -> T:
    """Return the result of some work, whose request was read to its end. Raises `ClientGone`, and what the work does.

    The work is cancelled and over when this returns.
    """
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientGone
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        """The rest of a body that is not needed."""


class EventStream(Response):
    """A response of server-sent events, each as it is made. A client that goes away ends the generator.

    What fails before the first event has the status of its problem; after it, `failure` makes the last event of it. A
    stream that says nothing for a while begins, and is kept alive, with comments, so that no proxy takes it for dead.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        events: AsyncGenerator[bytes, None],
        *,
        headers: Mapping[str, str] | None = None,
        failure: Callable[[Problem], bytes] = lambda problem: failure_event(problem.data()),
    ) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no", **(headers or {})})
        del self.headers["content-length"]
        self._events, self._failure = events, failure
        self._begun = self._spoke = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await while_connected(receive, self._sent(scope, receive, send))
        except ClientGone:
            return

    async def _sent(self, scope: Scope, receive: Receive, send: Send) -> None:
        beating = asyncio.create_task(self._beat(send))
        try:
            async with aclosing(self._events) as events:
                async for event in events:
                    await self._send(send, event)
        except Exception as error:
            problem = Problem.of(error)
            if not self._begun:
                await problem.response()(scope, receive, send)
                return
            await self._send(send, self._failure(problem))
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _beat(self, send: Send) -> None:
        while True:
            self._spoke = False
            await asyncio.sleep(QUIET_SECONDS)
            if not self._spoke:
                await self._send(send, COMMENT)

    async def _send(self, send: Send, event: bytes) -> None:
        self._spoke = True
        if not self._begun:
            self._begun = True
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": event, "more_body": True})
