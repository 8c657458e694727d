"""Bringing results from an engine's thread to the event loops that wait for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

_Call = tuple[Callable[..., object], tuple[Any, ...]]


class Mailbox:
    """Collects what a step has for each event loop, and wakes each loop once for all of it."""

    def __init__(self) -> None:
        self._calls: dict[asyncio.AbstractEventLoop, list[_Call]] = {}

    def post(self, loop: asyncio.AbstractEventLoop, call: Callable[..., object], *arguments: object) -> None:
        """Have `call` called on a loop at the next `flush`."""
        self._calls.setdefault(loop, []).append((call, arguments))

    def flush(self) -> None:
        if not self._calls:
            return
        calls, self._calls = self._calls, {}
        for loop, some in calls.items():
            try:
                loop.call_soon_threadsafe(_call_all, some)
            except RuntimeError:  # the loop was closed: nobody waits any more
                continue


def _call_all(calls: list[_Call]) -> None:
    for call, arguments in calls:
        call(*arguments)
