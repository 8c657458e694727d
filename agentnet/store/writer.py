"""`Writer`: one thread that writes, with all that waits merged into one transaction (group commit)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from itertools import groupby
from queue import SimpleQueue
from threading import Thread
from typing import Any, Generic, TypeVar

from agentnet.errors import StoreError

Item = TypeVar("Item")
Result = TypeVar("Result")
T = TypeVar("T")

LARGEST_BATCH = 500


class Writer(Generic[Item, Result]):
    """Runs `commit` on the items that were submitted since it last did, in order, in a thread of its own.

    `commit` returns one result for each item, or an exception where that item alone cannot be written; what it raises
    is raised to all. Items that are submitted in one turn of the event loop are always committed together.
    """

    def __init__(self, name: str, commit: Callable[[list[Item]], list[Result | Exception]]) -> None:
        self._name, self._commit = name, commit
        self._waiting: list[tuple[asyncio.Future[Any], Item]] = []
        self._queue: SimpleQueue[list[tuple[asyncio.Future[Any], Item]] | _Call | None] = SimpleQueue()
        self._closed = False
        self._thread = Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    async def submit(self, item: Item) -> Result:
        """Returns when the item is committed."""
        self._refuse_if_closed()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((future, item))
        if len(self._waiting) == 1:
            loop.call_soon(self._flush)
        return await future

    async def do(self, work: Callable[[], T]) -> T:
        """Run `work` in the thread, after everything that was submitted before."""
        self._refuse_if_closed()
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._flush()
        self._queue.put(_Call(future, work))
        return await future

    async def close(self) -> None:
        """Finish what was submitted, then end the thread. Closing twice is harmless."""
        if not self._closed:
            self._closed = True
            self._flush()
            self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise StoreError(f"{self._name}: is closed already; open it again")

    def _flush(self) -> None:
        if self._waiting:
            batch, self._waiting = self._waiting, []
            self._queue.put(batch)

    def _work(self) -> None:
        while True:
            entries = [self._queue.get()]
            while not self._queue.empty():
                entries.append(self._queue.get())
            batch: list[tuple[asyncio.Future[Any], Item]] = []
            for entry in entries:
                if isinstance(entry, list):
                    batch += entry
                    continue
                self._commit_all(batch)
                batch = []
                if entry is None:
                    return
                entry.carry_out()
            self._commit_all(batch)

    def _commit_all(self, batch: list[tuple[asyncio.Future[Any], Item]]) -> None:
        for start in range(0, len(batch), LARGEST_BATCH):
            part = batch[start : start + LARGEST_BATCH]
            results: list[Any]
            try:
                results = list(self._commit([item for _, item in part]))
            except BaseException as error:
                results = [error] * len(part)
            _settle_all([(future, result) for (future, _), result in zip(part, results, strict=True)])


class _Call:
    """One piece of work, and the future of its result."""

    def __init__(self, future: asyncio.Future[Any], work: Callable[[], Any]) -> None:
        self._future, self._work = future, work

    def carry_out(self) -> None:
        result: Any
        try:
            result = self._work()
        except BaseException as error:
            result = error
        _settle_all([(self._future, result)])


def _settle_all(outcomes: list[tuple[asyncio.Future[Any], Any]]) -> None:
    for loop, group in groupby(outcomes, key=lambda outcome: outcome[0].get_loop()):
        with suppress(RuntimeError):  # the loop was closed: nothing waits any more
            loop.call_soon_threadsafe(_settle, list(group))


def _settle(outcomes: list[tuple[asyncio.Future[Any], Any]]) -> None:
    for future, result in outcomes:
        if future.done():
            continue
        if isinstance(result, BaseException):
            future.set_exception(result)
        else:
            future.set_result(result)
