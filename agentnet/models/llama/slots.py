"""The slots of an engine: how many requests and sessions decode together, and what sessions keep between two steps."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterable, Iterator

from agentnet.models.llama.cache import Cache
from agentnet.models.llama.cells import CachedSequence
from agentnet.models.llama.job import Queued

RECLAIM_AFTER = 1.0
"""Seconds that sessions with reserved slots may stay idle while requests wait; then their slots are reclaimed."""


class SlotReservation(Queued):
    """Slots for sessions of one engine that decode together.

    A reserved slot counts like a request that is being decoded, also while its session does nothing.
    """

    def __init__(self, sessions: Collection[object], *, group: int, priority: int) -> None:
        """`group` ranks the group of the sessions: the same number in all its engines, and lower for earlier groups."""
        super().__init__(priority=priority)
        self.sessions = frozenset(sessions)
        self.group = group
        self.idle_since = math.inf
        """When a session was decoded last, in seconds of the monotonic clock. Before the first step: when that step
        became possible, as written by the caller's thread."""
        self.reclaimed = False
        """Whether others use the slots until the next step of a session."""


class Slots:
    """The books of an engine's slots. Only the engine's thread uses them.

    A session keeps its sequence in the cache between two steps, with a reservation or without. Without one, any request
    may take the sequence's cells.
    """

    def __init__(self, cache: Cache, count: int) -> None:
        self._cache, self._count = cache, count
        self._reservations: dict[SlotReservation, int] = {}
        """The slots of each."""
        self._by_session: dict[object, SlotReservation] = {}
        self._kept: dict[object, CachedSequence] = {}
        """Sequences of sessions between two steps, by session; the longest idle one comes first."""
        self.preempted = 0
        """Sequences that were taken from sessions."""

    @property
    def held(self) -> bool:
        """Whether a reservation has slots that were not reclaimed."""
        return any(not reservation.reclaimed for reservation in self._reservations)

    def reservation_of(self, session: object | None) -> SlotReservation | None:
        return self._by_session.get(session) if session is not None else None

    def free(self, unreserved: int, *, overtaking: bool) -> int:
        """Return the slots for requests without a reservation, `unreserved` of which are running.

        Requests that overtake a reservation in the queue get reclaimed slots only.
        """
        reclaimed = sum(slots for reservation, slots in self._reservations.items() if reservation.reclaimed)
        return (reclaimed if overtaking else self._count - sum(self._reservations.values()) + reclaimed) - unreserved

    def grant(self, reservation: SlotReservation, unreserved: int) -> bool:
        """Reserve a slot for each session, or all slots where there are fewer. Returns False while some are in use."""
        wanted = min(len(reservation.sessions), self._count)
        if sum(self._reservations.values()) + unreserved + wanted > self._count:
            return False
        self._reservations[reservation] = wanted
        self._by_session.update(dict.fromkeys(reservation.sessions, reservation))
        return True

    def end(self, reservation: SlotReservation) -> None:
        """Free the slots of a reservation; nothing happens where it has none."""
        if self._reservations.pop(reservation, None) is not None:
            for session in reservation.sessions:
                del self._by_session[session]

    def keep(self, session: object, sequence: CachedSequence) -> None:
        """Keep the sequence of a session until its next step."""
        self._kept[session] = sequence
        if reservation := self.reservation_of(session):
            reservation.idle_since = time.monotonic()

    def keeps(self, session: object | None) -> bool:
        """Return whether a session has a sequence in the cache."""
        return session in self._kept

    def resume(self, session: object | None) -> CachedSequence | None:
        """Return the sequence of a session that takes a step, if it was kept. Reclaimed slots are reserved again."""
        if reservation := self.reservation_of(session):
            reservation.reclaimed = False
        return self._kept.pop(session, None) if session is not None else None

    def drop(self, session: object | None) -> None:
        """Give up the sequence of a session, if one is kept."""
        sequence = self._kept.pop(session, None) if session is not None else None
        if sequence is not None:
            self._cache.close(sequence)

    def forget(self) -> None:
        """Note that the cache was emptied."""
        self._kept.clear()

    def preempt(self, taker: SlotReservation | None) -> bool:
        """Take the sequence of one session, to make room for a request. Returns False where there is none to take.

        Sessions without a reservation come first. For a `taker` that has one, sessions of its own and of later groups
        follow, the latest group first.
        """
        session = next(self._unreserved(), None)
        if session is None and taker is not None:
            later = [kept for kept in self._kept if self._by_session[kept].group >= taker.group]
            session = max(later, key=lambda kept: self._by_session[kept].group, default=None)
        if session is None:
            return False
        self._take(session)
        return True

    def protects(self, taker: SlotReservation | None) -> bool:
        """Return whether sequences are kept that `preempt` would not take."""
        reservations = map(self._by_session.get, self._kept)
        return any(
            reservation is not None and (taker is None or reservation.group < taker.group)
            for reservation in reservations
        )

    def reclaim(self, working: Iterable[object]) -> bool:
        """Leave the slots of sessions that are idle for too long to requests that wait. Returns whether there were any.

        `working` are the sessions that have a step in the engine.
        """
        idle = self._idle(time.monotonic() - RECLAIM_AFTER, working)
        for reservation in idle:
            reservation.reclaimed = True
            for session in reservation.sessions & self._kept.keys():
                self._take(session)
        return bool(idle)

    def seconds_to_reclaim(self, working: Iterable[object]) -> float | None:
        """Return in how many seconds `reclaim` may find slots; None where only a new event can change that."""
        idle = self._idle(time.monotonic(), working)
        since = min((reservation.idle_since for reservation in idle), default=None)
        return max(0.0, since + RECLAIM_AFTER - time.monotonic()) if since is not None else None

    def _idle(self, latest: float, working: Iterable[object]) -> list[SlotReservation]:
        """Return the reservations whose sessions have all been idle since `latest` or longer."""
        idle = [held for held in self._reservations if not held.reclaimed and held.idle_since <= latest]
        busy = set(working) if idle else set()
        return [held for held in idle if held.sessions.isdisjoint(busy)]

    def _unreserved(self) -> Iterator[object]:
        return (session for session in self._kept if session not in self._by_session)

    def _take(self, session: object) -> None:
        self._cache.close(self._kept.pop(session))
        self.preempted += 1
