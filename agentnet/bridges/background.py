"""An event loop in a thread of its own, for libraries that call without one (or from inside one)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class BackgroundLoop:
    """Runs coroutines for other threads. When it stops, it cancels its tasks, which then release their resources."""

    def __init__(self) -> None:
        self._stopping = asyncio.Event()
        self._started: asyncio.AbstractEventLoop | None = None
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="agentnet-bridge", daemon=True)
        self._thread.start()
        self._up.wait()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for a coroutine, and return its result or raise its error. Interrupting the wait cancels it."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def stop(self) -> None:
        """Request a stop without waiting for it. Stopping twice is harmless."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)

    def close(self) -> None:
        """Stop, and wait until all resources are released."""
        self.stop()
        self._thread.join()

    @property
    def _loop(self) -> asyncio.AbstractEventLoop:
        assert self._started is not None
        return self._started

    def _serve(self) -> None:
        asyncio.run(self._wait())

    async def _wait(self) -> None:
        self._started = asyncio.get_running_loop()
        self._up.set()
        await self._stopping.wait()
