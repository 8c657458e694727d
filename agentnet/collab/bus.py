"""The events of one run, for any number of subscribers.

A run never waits for a subscriber, and a subscriber never harms a run. A slow subscriber loses nothing: once `BACKLOG`
events wait, pieces of a reply are joined into one event, so the rest of a queue is bounded by the messages and turns of
the run. A listener (a callable) that raises is detached, and its error is logged. A subscription gets the events that
are published after it began; earlier messages are in the run's context.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from agentnet.contracts.events import Event, TextStreamed
from agentnet.logs import logger

log = logger("events")

BACKLOG = 256
"""Events that may wait for a subscriber before pieces of text are joined."""

Listener = Callable[[Event], None]


class EventBus:
    """Publishes events to listeners and subscriptions. Belongs to one event loop."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._subscriptions: list[Subscription] = []
        self._closed = False

    @property
    def wanted(self) -> bool:
        """Whether there is a subscriber; without one, events need not be made."""
        return bool(self._listeners or self._subscriptions)

    def listen(self, listener: Listener) -> None:
        """Call `listener` with every event from now on, before `publish` returns."""
        self._listeners.append(listener)

    def subscribe(self, backlog: int = BACKLOG) -> Subscription:
        """Return the events from now on, as an asynchronous iterator that ends with the run."""
        subscription = Subscription(self, backlog)
        if self._closed:
            subscription.close()
        else:
            self._subscriptions.append(subscription)
        return subscription

    def publish(self, event: Event) -> None:
        """Deliver an event to every listener and subscription."""
        for subscription in self._subscriptions:
            subscription.put(event)
        for listener in list(self._listeners):
            try:
                listener(event)
            except Exception:
                log.warning("a listener of run %s failed and is detached", event.run, exc_info=True)
                self._listeners.remove(listener)

    def detach(self, subscription: Subscription) -> None:
        """Deliver no further events to a subscription."""
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)

    def close(self) -> None:
        """End every subscription after the published events. Closing twice is harmless."""
        self._closed = True
        for subscription in list(self._subscriptions):
            subscription.close()
        self._subscriptions.clear()
        self._listeners.clear()


class _Pieces:
    """Pieces of one reply that are joined while they wait."""

    def __init__(self, first: TextStreamed) -> None:
        self._first, self._texts = first, [first.text]

    def add(self, text: str) -> None:
        self._texts.append(text)

    def event(self) -> TextStreamed:
        return self._first.model_copy(update={"text": "".join(self._texts)})


class Subscription:
    """The events of a run for one reader: ``async for event in subscription``."""

    def __init__(self, bus: EventBus, backlog: int) -> None:
        self._bus, self._backlog = bus, backlog
        self._waiting: deque[Event | _Pieces] = deque()
        self._joined: dict[str, _Pieces] = {}
        """Message id → its waiting pieces, joined."""
        self._arrived = asyncio.Event()
        self._ended = False

    def put(self, event: Event) -> None:
        """Queue an event. Only the bus calls this."""
        if isinstance(event, TextStreamed):
            if (pieces := self._joined.get(event.message)) is not None:
                pieces.add(event.text)
                return
            if len(self._waiting) >= self._backlog:
                self._joined[event.message] = pieces = _Pieces(event)
                self._waiting.append(pieces)
                return
        self._waiting.append(event)
        self._arrived.set()

    def close(self) -> None:
        """End after the waiting events. Closing twice is harmless."""
        self._ended = True
        self._arrived.set()
        self._bus.detach(self)

    def __len__(self) -> int:
        """Return how many events wait."""
        return len(self._waiting)

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Event:
        while not self._waiting:
            if self._ended:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        event = self._waiting.popleft()
        if isinstance(event, _Pieces):
            joined = event.event()
            self._joined.pop(joined.message, None)
            return joined
        return event
