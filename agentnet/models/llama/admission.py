"""Admission of sessions that decode together, each perhaps in another engine: a group gets all its slots, or none yet.

A group that holds slots in one engine never waits for another group's slots in a second engine. The admission lets it
in only where there is room beside all groups inside; it then waits for single requests alone, and those wait for no
group.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol
from uuid import uuid4

from agentnet.errors import ModelError
from agentnet.models.llama.intake import HEADROOM
from agentnet.models.llama.request_queue import PRIORITY
from agentnet.models.llama.slots import SlotReservation


class SlotOwner(Protocol):
    """What an admission needs of an engine. `slots` and `cells` never change."""

    slots: int
    """How many requests and sessions decode together."""

    @property
    def cells(self) -> int:
        """Tokens that the KV cache holds."""
        ...

    async def run(self, job: SlotReservation) -> Any:
        """Wait until a reservation is granted. Raises `ModelError`."""
        ...

    def begin(self, reservation: SlotReservation) -> None:
        """Note that the sessions of a granted reservation may take steps."""
        ...

    def end_reservation(self, reservation: SlotReservation) -> None:
        """Free the slots of a reservation, if it was granted."""
        ...


class EngineSession(Protocol):
    """What an admission needs of a session."""

    priority: int
    key: object
    """The engine's name for the session."""
    prompt: tuple[int, ...]

    @property
    def engine(self) -> SlotOwner: ...


class Admission:
    """The queue of groups, over all engines that share it. Serves any number of event loops."""

    def __init__(self) -> None:
        self.order = uuid4().hex
        """See `GroupAdmission`. Other processes hear of it, so that all of them enter admissions in one order."""
        self._lock = threading.Lock()
        self._tickets = self._ranks = 0
        self._waiting: list[_Group] = []
        """In the order of the queue."""
        self._inside: list[_Group] = []

    @asynccontextmanager
    async def hold(self, sessions: Sequence[EngineSession]) -> AsyncIterator[None]:
        """Wait until some sessions have slots, and keep these while the context lasts.

        Sessions that come later do not take the cache of a session with a slot, unless it is idle for longer than
        `RECLAIM_AFTER` seconds while requests wait. Groups are let in by priority, then in the order of arrival, and no
        group overtakes another in an engine that both wait for. Where one engine has fewer slots than the group has
        sessions, these share all of its slots. An engine that fails or is closed is not waited for: the steps of its
        sessions raise the error.
        """
        group = _Group(sessions)
        reservations: dict[SlotOwner, SlotReservation] = {}
        try:
            await self._enter(group)
            reservations = {engine: group.reservation(engine) for engine in group.sessions}
            await asyncio.gather(*(_reserve(engine, reservation) for engine, reservation in reservations.items()))
            for engine, reservation in reservations.items():
                engine.begin(reservation)
            yield
        finally:
            for engine, reservation in reservations.items():
                engine.end_reservation(reservation)
            self._leave(group)

    async def _enter(self, group: _Group) -> None:
        """Wait until there is room for a group in each of its engines. After a cancellation, call `_leave` too."""
        with self._lock:
            group.queued_at = self._tickets - PRIORITY * group.priority
            self._tickets += 1
            self._waiting.append(group)
            self._waiting.sort(key=lambda waiting: waiting.queued_at)
            self._let_in()
        await group.admitted

    def _leave(self, group: _Group) -> None:
        """Make room for others, whether the group was let in or still waits. From any thread."""
        with self._lock:
            for groups in (self._inside, self._waiting):
                if group in groups:
                    groups.remove(group)
            self._let_in()

    def _let_in(self) -> None:
        awaited: set[SlotOwner] = set()
        for group in list(self._waiting):
            if awaited.isdisjoint(group.sessions) and all(self._fits(group, engine) for engine in group.sessions):
                self._waiting.remove(group)
                group.rank, self._ranks = self._ranks, self._ranks + 1
                try:
                    group.loop.call_soon_threadsafe(_resolve, group.admitted)
                except RuntimeError:  # that loop was closed
                    continue
                self._inside.append(group)
            else:
                awaited.update(group.sessions)

    def _fits(self, group: _Group, engine: SlotOwner) -> bool:
        present = [group, *(inside for inside in self._inside if engine in inside.sessions)]
        return len(present) == 1 or (
            sum(member.slots(engine) for member in present) <= engine.slots
            and sum(member.cells(engine) for member in present) <= engine.cells
        )


class _Group:
    """Sessions that decode together, by engine."""

    def __init__(self, sessions: Sequence[EngineSession]) -> None:
        self.sessions: dict[SlotOwner, list[EngineSession]] = {}
        for session in sessions:
            self.sessions.setdefault(session.engine, []).append(session)
        self.priority = max((session.priority for session in sessions), default=0)
        self.rank = 0
        """The order in which groups were let in: the first has the lowest."""
        self.queued_at = 0
        """The order in the queue: the lowest is let in first."""
        self.loop = asyncio.get_running_loop()
        self.admitted: asyncio.Future[None] = self.loop.create_future()

    def reservation(self, engine: SlotOwner) -> SlotReservation:
        keys = [session.key for session in self.sessions[engine]]
        return SlotReservation(keys, group=self.rank, priority=self.priority)

    def slots(self, engine: SlotOwner) -> int:
        return min(len(self.sessions[engine]), engine.slots)

    def cells(self, engine: SlotOwner) -> int:
        """Return how many cells its prompts take of an engine's cache, with some room to grow into."""
        return sum(len(session.prompt) + HEADROOM for session in self.sessions[engine])


async def _reserve(engine: SlotOwner, reservation: SlotReservation) -> None:
    try:
        await engine.run(reservation)
    except ModelError:  # the steps of its sessions fail too, and raise it
        return


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
