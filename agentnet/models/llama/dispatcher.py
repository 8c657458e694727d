"""Bringing results from an engine's thread to the event loops that wait for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

_Call = tuple[Callable[..., object], tuple[Any, ...]]


class ResultDispatcher:
    """Collects the results of a step for each event loop, and wakes each loop once for all of them."""

    def __init__(self) -> None:
        self._calls: dict[asyncio.AbstractEventLoop, list[_Call]] = {}

    def post(self, loop: asyncio.AbstractEventLoop, call: Callable[..., object], *arguments: object) -> None:
        """Have `call` called on a loop at the next `flush`."""
        self._calls.setdefault(loop, []).append((call, arguments))

    def flush(self) -> None:
        """Hand over all posted calls. Calls for a loop that was closed are dropped."""
        if not self._calls:
            return
        posted, self._calls = self._calls, {}
        for loop, calls in posted.items():
            try:
                loop.call_soon_threadsafe(_call_all, calls)
            except RuntimeError:  # the loop was closed: nothing waits there any more
                continue


def _call_all(calls: list[_Call]) -> None:
    for call, arguments in calls:
        call(*arguments)
