"""Views of runs: listeners that show events, and that cancel the work when they fail."""

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
    """The error of showing an event, such as a closed pipe. Nothing is shown after it."""
    _work: asyncio.Task[Any] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(  # noqa: B027 – not every view has something to restore
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Restore the terminal."""

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
        """Show one event. An exception ends the watched work."""

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the terminal to a person for a while."""
        yield


async def watched(work: Coroutine[Any, Any, T], view: View) -> T:
    """Return the result of some work that a view shows. If the view fails, cancel the work and raise its error."""
    task = asyncio.ensure_future(work)
    view._work = task
    try:
        return await task
    except asyncio.CancelledError:
        if view.failure is not None:
            raise view.failure from None
        raise
