"""What sessions hold between two steps: the places that were granted to them, and the sequences that rest there."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterable, Iterator

from agentnet.models.llama.cache import Cache, Held
from agentnet.models.llama.job import Queued

STALLED = 1.0
"""Seconds that sessions with places may rest while requests wait; then their places are lent."""


class Claim(Queued):
    """Places for sessions of one engine that are decoded together. Who holds it counts, like a request that is being
    written, as one of those that are decoded at a time."""

    def __init__(self, sessions: Collection[object], *, group: int, priority: int) -> None:
        """`group` is the same in every engine that those who decode together use; who came first has the lowest."""
        super().__init__(priority=priority)
        self.sessions = frozenset(sessions)
        self.group = group
        self.rests_since = math.inf
        """When a session was decoded last, in seconds of the monotonic clock; until the first step, since when it could
        have been. Also written by the caller's thread, before any step."""
        self.lent = False
        """Whether the sequences were taken, and the places left to others until the next step."""


class Seats:
    """The books of an engine's `places`: how many requests and sessions are decoded together. Used by its thread.

    A session without a place may rest too, but everybody may take its sequence.
    """

    def __init__(self, cache: Cache, places: int) -> None:
        self._cache, self._places = cache, places
        self._claims: dict[Claim, int] = {}
        """And how many places each has."""
        self._owners: dict[object, Claim] = {}
        self._resting: dict[object, Held] = {}
        """By session, the longest resting first."""
        self.taken = 0
        """Sequences that were taken from sessions."""

    def claim_of(self, session: object | None) -> Claim | None:
        return self._owners.get(session) if session is not None else None

    def free(self, others: int, *, overtaking: bool) -> int:
        """Places for requests without a claim, `others` of which are decoded now; where they overtake a claim that
        waits, only places that are lent."""
        lent = sum(places for claim, places in self._claims.items() if claim.lent)
        return (lent if overtaking else self._places - sum(self._claims.values()) + lent) - others

    def grant(self, claim: Claim, others: int) -> bool:
        """Give a claim its places, all of them where it wants more than there are; whether they are free."""
        wanted = min(len(claim.sessions), self._places)
        if sum(self._claims.values()) + others + wanted > self._places:
            return False
        self._claims[claim] = wanted
        self._owners.update(dict.fromkeys(claim.sessions, claim))
        return True

    def end(self, claim: Claim) -> None:
        """Take the places back. The claim may have none."""
        if self._claims.pop(claim, None) is not None:
            for session in claim.sessions:
                del self._owners[session]

    def rest(self, session: object, held: Held) -> None:
        self._resting[session] = held
        if claim := self.claim_of(session):
            claim.rests_since = time.monotonic()

    def rests(self, session: object | None) -> bool:
        return session in self._resting

    def resume(self, session: object | None) -> Held | None:
        """The sequence that a session has left, no longer resting. Its places are its own again."""
        if claim := self.claim_of(session):
            claim.lent = False
        return self._resting.pop(session, None) if session is not None else None

    def give_up(self, session: object | None) -> None:
        """Free the sequence of a session, if it has one."""
        held = self._resting.pop(session, None) if session is not None else None
        if held is not None:
            self._cache.close(held)

    def forget(self) -> None:
        """The cache was emptied."""
        self._resting.clear()

    def release(self, taker: Claim | None) -> bool:
        """Take one sequence for somebody; whether there was one to take. First from sessions without a place, then,
        for who has one itself, from those that came last, never from those that came before."""
        found = next(self._loose(), None)
        if found is None and taker is not None:
            later = [session for session in self._resting if self._owners[session].group >= taker.group]
            found = max(later, key=lambda session: self._owners[session].group, default=None)
        if found is None:
            return False
        self._take(found)
        return True

    def protected(self, taker: Claim | None) -> bool:
        """Whether sequences rest that `release` would not take."""
        owners = map(self._owners.get, self._resting)
        return any(owner is not None and (taker is None or owner.group < taker.group) for owner in owners)

    def lend(self, working: Iterable[object]) -> bool:
        """Leave the places of those who rest for too long to requests that wait; `working` are the sessions whose steps
        are under way. Whether there were any."""
        latest = time.monotonic() - STALLED
        stalled = self._idle(latest, working)
        for claim in stalled:
            claim.lent = True
            for session in claim.sessions & self._resting.keys():
                self._take(session)
        return bool(stalled)

    def patience(self, working: Iterable[object]) -> float | None:
        """Seconds until `lend` may have something to lend; None if nothing that is known will change that."""
        idle = self._idle(time.monotonic(), working)
        since = min((claim.rests_since for claim in idle), default=None)
        return max(0.0, since + STALLED - time.monotonic()) if since is not None else None

    def _idle(self, latest: float, working: Iterable[object]) -> list[Claim]:
        """Claims that have rested at least since `latest`."""
        found = [claim for claim in self._claims if not claim.lent and claim.rests_since <= latest]
        busy = set(working) if found else set()
        return [claim for claim in found if claim.sessions.isdisjoint(busy)]

    def _loose(self) -> Iterator[object]:
        return (session for session in self._resting if session not in self._owners)

    def _take(self, session: object) -> None:
        self._cache.close(self._resting.pop(session))
        self.taken += 1
