"""Back-pressure: a bound on the requests that an engine has taken in."""

from __future__ import annotations

import asyncio
import threading
from collections import deque


class AdmissionLimit:
    """A semaphore of `limit` permits for any number of event loops and threads. Callers are served in their order."""

    def __init__(self, limit: int) -> None:
        self._limit, self._held = limit, 0
        self._lock = threading.Lock()
        self._waiting: deque[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = deque()

    async def acquire(self) -> None:
        """Take a permit; wait while all are held. A cancelled caller holds none."""
        with self._lock:
            if self._held < self._limit:
                self._held += 1
                return
            loop = asyncio.get_running_loop()
            turn: asyncio.Future[None] = loop.create_future()
            self._waiting.append((loop, turn))
        try:
            await turn
        except asyncio.CancelledError:
            with self._lock:
                granted = (loop, turn) not in self._waiting
                if not granted:
                    self._waiting.remove((loop, turn))
            if granted:  # the permit came at the same moment: pass it on
                self.release()
            raise

    def release(self) -> None:
        """Give a permit back, from any thread. The first caller that waits gets it."""
        with self._lock:
            while self._waiting:
                loop, turn = self._waiting.popleft()
                try:
                    loop.call_soon_threadsafe(_grant, turn)
                except RuntimeError:  # that loop was closed
                    continue
                return
            self._held -= 1


def _grant(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_result(None)
