"""The sessions of MCP clients: how many of one caller are open. The SDK bounds those of all callers together."""

from __future__ import annotations

import secrets
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.types import Message, Scope, Send

from agentnet.serving.app import Problem

HEADER = b"mcp-session-id"
MOST_OF_A_CALLER = 256
"""Sessions that one caller may have open."""


@dataclass(slots=True)
class _Session:
    requests: int = 0
    """Requests that are under way in it."""
    used: float = 0.0
    """When the last one ended."""


class OpenSessions:
    """The open sessions of each caller: those with a request under way, or with one not long ago."""

    def __init__(self, idle: float, *, most: int = MOST_OF_A_CALLER, now: Callable[[], float] = time.monotonic) -> None:
        """A session is over after `idle` seconds without a request; a caller may have at most `most` sessions."""
        self._idle, self._most, self._now = idle, most, now
        self._open: defaultdict[str, dict[str, _Session]] = defaultdict(dict)

    @asynccontextmanager
    async def request(self, caller: str, scope: Scope, send: Send) -> AsyncIterator[Send]:
        """Count a request within its session, or the session that it opens; yields what to send its response by.

        Raises `Problem` where it would open one session too many.
        """
        named = next((value.decode("latin-1") for name, value in scope["headers"] if name == HEADER), None)
        sessions = self._counted(caller)
        if named is None and len(sessions) >= self._most:
            raise Problem(
                429,
                f"this key has {self._most} sessions open: end one (DELETE), or wait until one is idle long enough",
                "too-many-sessions",
                again=self._idle,
            )
        opening = secrets.token_hex(8)  # stands for the session until the response names it
        session = sessions.get(named or opening, _Session())
        session.requests += 1
        if named is None:
            sessions[opening] = session

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                failed = message["status"] >= 400
                given = next((value for name, value in message["headers"] if name.lower() == HEADER), None)
                if named is None and given is not None and not failed:
                    del sessions[opening]
                    sessions[given.decode("latin-1")] = session
                elif named is not None and (message["status"] == 404 or (scope["method"] == "DELETE" and not failed)):
                    sessions.pop(named, None)
            await send(message)

        try:
            yield noted
        finally:
            sessions.pop(opening, None)
            session.requests -= 1
            session.used = self._now()

    def _counted(self, caller: str) -> dict[str, _Session]:
        """Return the sessions of a caller, without those that are over."""
        for name, sessions in tuple(self._open.items()):
            open = {id: one for id, one in sessions.items() if one.requests or self._now() - one.used <= self._idle}
            if len(open) < len(sessions):
                sessions.clear()
                sessions.update(open)
            if not sessions:
                del self._open[name]
        return self._open[caller]
