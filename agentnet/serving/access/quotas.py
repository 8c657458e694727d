"""Quotas: a place for each run, and how much it may use of what its caller's key has left of the day.

::

    async with quotas.admitted(caller, id, limits) as admitted:
        await session.run(…, run=id, limits=admitted.limits, allowance=admitted.allowance)

What a run used is charged to its key when the context ends, counted from the messages that the store has. A run that is
interrupted and resumed is charged once for each of its messages. With a budget, a reply that was told in part and cut
counts, too: its prompt, and a token for each piece. Otherwise, who leaves before the last word pays nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from agentnet.collab.budget import Allowance
from agentnet.contracts.limits import Limits
from agentnet.contracts.serving import Caller
from agentnet.contracts.usage import Usage
from agentnet.errors import StoreError
from agentnet.logs import logger
from agentnet.serving.access.callers import LOCAL, caller_with
from agentnet.serving.access.places import Place, Places
from agentnet.serving.app import Problem
from agentnet.store.keys import Keys, Used

log = logger("serving")

LONGEST_RUN = 1800.0
"""Seconds of the longest run, unless its caller's key says otherwise."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A run that may begin: its limits, what it shares with the other runs of its caller's key, and its place."""

    limits: Limits
    allowance: Allowance | None
    place: Place


class Quotas:
    """Admits the runs of callers, and charges them. Belongs to one event loop."""

    def __init__(
        self,
        keys: Keys,
        places: Places | None = None,
        *,
        longest: float = LONGEST_RUN,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`longest` is in seconds."""
        self.places = places or Places()
        self._keys, self._longest, self._now = keys, longest, now
        self._days: dict[str, _Day] = {}

    @asynccontextmanager
    async def admitted(self, caller: Caller, run: str, limits: Limits | None = None) -> AsyncIterator[Admitted]:
        """Wait for a place, have it for as long as the context lasts, and charge the run at its end.

        `limits` are those that the caller asks for, and are narrowed to what they may have. Raises `Problem`: 403 for a
        key that may not ask, 429 for one whose budget of the day is used up and where no place gets free. Raises
        `StoreError`.
        """
        if not caller.may("ask"):
            raise Problem(403, "this key may not ask: it lacks the scope ask", "wrong-scope")
        async with self.places.place(caller.id, caller.limits.runs) as place:
            day = await self._day_of(caller, run)
            if day is not None and day.allowance.used_up:
                raise self._used_up(day)
            try:
                yield Admitted(self._bounded(caller, limits), None if day is None else day.allowance, place)
            finally:
                if caller.id:
                    await asyncio.shield(self._charge(caller, run, day))

    async def caller(self, id: str) -> Caller | None:
        """Return the caller with the id of a key, whose runs are resumed; None for a key that is not accepted any more.

        The empty id is this machine's, which needs no key until the first one is made.
        """
        if not id:
            return None if await self._keys.any() else LOCAL
        record = await self._keys.get(id)
        return None if record is None or record.why_not() is not None else caller_with(record)

    async def used(self, caller: Caller) -> Used:
        """Return what a caller's key used today, as far as it was charged."""
        return await self._keys.used(caller.id, self._today())

    async def charge(self, run: str) -> None:
        """Charge a run to its caller's key that ended otherwise, such as with the process that worked on it."""
        await self._keys.charge(run, self._today())

    def _bounded(self, caller: Caller, limits: Limits | None) -> Limits:
        limits, longest = limits or Limits(), caller.limits.seconds or self._longest
        return limits.model_copy(update={"seconds": min(limits.seconds or longest, longest)})

    async def _day_of(self, caller: Caller, run: str) -> _Day | None:
        """Return the day of a key that has a budget, with all that was charged to it, by whichever process."""
        limits, today = caller.limits, self._today()
        if limits.tokens_per_day is None and limits.cost_per_day is None:
            return None
        await self._keys.charge(run, today)  # what it used before it was interrupted with its process
        used = await self._keys.used(caller.id, today)
        day = self._days.get(caller.id)
        if day is None or day.name != today:
            day = self._days[caller.id] = _Day(today, Allowance(f"the budget of key {caller.id} for {today} (UTC)"))
        day.allowance.tokens, day.allowance.cost = limits.tokens_per_day, limits.cost_per_day
        day.refresh(used)
        return day

    async def _charge(self, caller: Caller, run: str, day: _Day | None) -> None:
        lost = Usage() if day is None else day.allowance.take_lost()
        try:
            charged = await self._keys.charge(run, self._today() if day is None else day.name, lost)
        except StoreError as error:  # it is charged when the run is next looked at
            if day is not None:
                day.allowance.put_back(lost)
            log.warning("run %s could not be charged to key %s: %s", run, caller.id, error)
        else:
            if day is not None:
                day.charged(charged)

    def _used_up(self, day: _Day) -> Problem:
        now = self._now()
        again = (now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1) - now).total_seconds()
        return Problem(429, f"{day.allowance.what} is used up", "insufficient_quota", again=again)

    def _today(self) -> str:
        return self._now().date().isoformat()


class _Day:
    """What a key may use on a day. Of what was charged to it, this process knows its own part as it is used already."""

    def __init__(self, name: str, allowance: Allowance) -> None:
        self.name, self.allowance = name, allowance
        self._own, self._others = Used(), Used()

    def refresh(self, used: Used) -> None:
        """Take over what the store says was used, of which others used what this process was not charged for."""
        others = Used(tokens=used.tokens - self._own.tokens, cost=used.cost - self._own.cost)
        self.allowance.used_tokens += others.tokens - self._others.tokens
        self.allowance.used_cost += others.cost - self._others.cost
        self._others = others

    def charged(self, used: Used) -> None:
        """Note that this process was charged for what its run used."""
        self._own = Used(tokens=self._own.tokens + used.tokens, cost=self._own.cost + used.cost)
