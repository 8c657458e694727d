"""Views of runs: what shows events, and what happens where they cannot be shown."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

from agentnet.contracts.events import Event

T = TypeVar("T")


class View(ABC):
    """A listener of events that shows them. Use as a context manager, and pass it as `on_event`."""

    failure: Exception | None = None
    """What kept an event from being shown, such as a closed pipe. Nothing is shown after it."""
    _work: asyncio.Task[Any] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(  # noqa: B027 – not every view has something to put back
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the terminal as it was."""

    def __call__(self, event: Event) -> None:
        if self.failure is not None:
            return
        try:
            self.show(event)
        except Exception as error:
            self.failure = error
            if self._work is not None:
                self._work.cancel()

    @abstractmethod
    def show(self, event: Event) -> None:
        """Show one event. What it raises ends the work that is watched."""

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the terminal to a person for a while."""
        yield


async def watched(work: Coroutine[Any, Any, T], view: View) -> T:
    """Return what some work returns while a view shows it. Where the view fails, cancel the work and raise that."""
    task = asyncio.ensure_future(work)
    view._work = task
    try:
        return await task
    except asyncio.CancelledError:
        if view.failure is not None:
            raise view.failure from None
        raise
