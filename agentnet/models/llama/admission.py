"""Letting in sessions that are decoded together, each perhaps by another engine: all of them at once, or none yet.

Nobody holds a place in one engine while waiting for one in another because of somebody who does the reverse: who is let
in has room beside all others that are. After that it only waits for single requests, and they wait for nobody.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from agentnet.errors import ModelError
from agentnet.models.llama.engine import Engine
from agentnet.models.llama.intake import HEADROOM
from agentnet.models.llama.request_queue import PRIORITY
from agentnet.models.llama.slots import SlotReservation
from agentnet.models.llama.stepping import TokenSession


@asynccontextmanager
async def places(sessions: Sequence[TokenSession]) -> AsyncIterator[None]:
    """Wait until there are places for some sessions, and hold them.

    What the sessions have read is then not taken from them by others that come later, unless they rest for longer than
    `RECLAIM_AFTER` seconds while requests wait. Groups of sessions are let in by priority, then in the order of
    arrival, and nobody is overtaken in an engine that it waits for. Sessions of one engine that are more than its
    places share all of these. An engine that fails or is closed is not waited for: the steps of its sessions say why.
    """
    group = _Group(sessions)
    reservations: dict[Engine, SlotReservation] = {}
    try:
        await _ADMISSION.enter(group)
        reservations = {engine: group.reservation(engine) for engine in group.sessions}
        await asyncio.gather(*(_reserve(engine, reservation) for engine, reservation in reservations.items()))
        for engine, reservation in reservations.items():
            engine.begin(reservation)
        yield
    finally:
        for engine, reservation in reservations.items():
            engine.end_reservation(reservation)
        _ADMISSION.leave(group)


async def _reserve(engine: Engine, reservation: SlotReservation) -> None:
    try:
        await engine.run(reservation)
    except ModelError:  # its steps will fail too, and say so
        return


class _Group:
    """Sessions that are decoded together, by engine."""

    def __init__(self, sessions: Iterable[TokenSession]) -> None:
        self.sessions: dict[Engine, list[TokenSession]] = {}
        for session in sessions:
            self.sessions.setdefault(session.engine, []).append(session)
        self.priority = max((session.priority for session in sessions), default=0)
        self.number = 0
        """The lowest was let in first."""
        self.place = 0
        """Its place in the queue."""
        self.loop = asyncio.get_running_loop()
        self.turn: asyncio.Future[None] = self.loop.create_future()

    def reservation(self, engine: Engine) -> SlotReservation:
        keys = [session.key for session in self.sessions[engine]]
        return SlotReservation(keys, group=self.number, priority=self.priority)

    def places(self, engine: Engine) -> int:
        return min(len(self.sessions[engine]), engine.slots)

    def cells(self, engine: Engine) -> int:
        """What its prompts take of an engine's cache, and a little to grow into."""
        return sum(len(session.prompt) + HEADROOM for session in self.sessions[engine])


class Admission:
    """Who is let in, over all engines of the process. Serves any number of event loops."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tickets = self._numbers = 0
        self._waiting: list[_Group] = []
        """By their places in the queue."""
        self._inside: list[_Group] = []

    async def enter(self, group: _Group) -> None:
        """Wait until there is room for a group in each of its engines. Who is cancelled leaves too."""
        with self._lock:
            group.place = self._tickets - PRIORITY * group.priority
            self._tickets += 1
            self._waiting.append(group)
            self._waiting.sort(key=lambda one: one.place)
            self._let_in()
        await group.turn

    def leave(self, group: _Group) -> None:
        """Make room for others, whether the group was let in or still waits. From any thread."""
        with self._lock:
            for some in (self._inside, self._waiting):
                if group in some:
                    some.remove(group)
            self._let_in()

    def _let_in(self) -> None:
        awaited: set[Engine] = set()
        for group in list(self._waiting):
            if awaited.isdisjoint(group.sessions) and all(self._fits(group, engine) for engine in group.sessions):
                self._waiting.remove(group)
                group.number, self._numbers = self._numbers, self._numbers + 1
                try:
                    group.loop.call_soon_threadsafe(_take, group.turn)
                except RuntimeError:  # that loop was closed
                    continue
                self._inside.append(group)
            else:
                awaited.update(group.sessions)

    def _fits(self, group: _Group, engine: Engine) -> bool:
        there = [group, *(other for other in self._inside if engine in other.sessions)]
        return len(there) == 1 or (
            sum(one.places(engine) for one in there) <= engine.slots
            and sum(one.cells(engine) for one in there) <= engine.cells
        )


def _take(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_result(None)


_ADMISSION = Admission()
