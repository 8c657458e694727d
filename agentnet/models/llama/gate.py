"""Back-pressure: a bound on how many requests wait for an engine."""

from __future__ import annotations

import asyncio
import threading
from collections import deque


class Gate:
    """Lets `limit` callers in; the next ones wait, in order, until somebody leaves. Serves any number of loops."""

    def __init__(self, limit: int) -> None:
        self._limit, self._inside = limit, 0
        self._lock = threading.Lock()
        self._waiting: deque[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = deque()

    async def enter(self) -> None:
        with self._lock:
            if self._inside < self._limit:
                self._inside += 1
                return
            loop = asyncio.get_running_loop()
            turn: asyncio.Future[None] = loop.create_future()
            self._waiting.append((loop, turn))
        try:
            await turn
        except asyncio.CancelledError:
            with self._lock:
                given = (loop, turn) not in self._waiting
                if not given:
                    self._waiting.remove((loop, turn))
            if given:  # the place came at the same moment: pass it on
                self.leave()
            raise

    def leave(self) -> None:
        """Give a place back, from any thread."""
        with self._lock:
            while self._waiting:
                loop, turn = self._waiting.popleft()
                try:
                    loop.call_soon_threadsafe(_take, turn)
                except RuntimeError:  # that loop was closed
                    continue
                return
            self._inside -= 1


def _take(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_result(None)
