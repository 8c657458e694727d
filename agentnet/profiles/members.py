"""`Profiled`: the members of a network as they were measured: their cards, and who is on probation."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from agentnet.contracts.network import AgentSpec, NetworkSpec
from agentnet.contracts.profiles import Canaries, Observation, Profile, Seat, StandingEvent
from agentnet.logs import logger
from agentnet.network import Members, Network
from agentnet.profiles.books import Books, newcomer
from agentnet.profiles.seats import by_profiles, digest_of, trusted_from_the_start
from agentnet.store.profiles import Profiles

log = logger("profiles")

STALE_SECONDS = 2.0
"""Seconds after which a run looks for what other processes recorded."""

OnStanding = Callable[[StandingEvent], None]
KeyOf = Callable[[str], str]
"""Returns the key of the node of a name; empty for an unknown one."""


class Profiled:
    """The members of a network, now and later, with what is known of them. Models stay those of `members`.

    A member of the network file counts from the start, and one that joined is on probation, unless the network's
    `canaries` say that nobody is measured. Belongs to one event loop.
    """

    def __init__(
        self,
        members: Members,
        store: Profiles,
        rules: Canaries,
        labels: Iterable[str] = (),
        *,
        key_of: KeyOf = lambda _: "",
        on_standing: OnStanding | None = None,
    ) -> None:
        """`labels` are those that canaries can have. `key_of` knows the network's nodes, and `on_standing` is told
        every change of standing made here.
        """
        self._members, self._store, self.rules, self._key_of = members, store, rules, key_of
        self.books = Books(rules, frozenset(labels), self._newcomer)
        self._on_standing = on_standing
        self._index: tuple[Network | None, dict[str, tuple[AgentSpec, str]]] = None, {}
        """The members of a snapshot by name, each with its digest."""
        self._profiles: dict[tuple[str, str], dict[str, Profile]] = {}
        """Member and digest → node → profile."""
        self._changes = 0
        self._warned: frozenset[str] = frozenset()
        """Members of whom it was said that nothing can end their probation."""
        self._seen: tuple[Network, int] | None = None
        self._network: Network | None = None
        self._read = -STALE_SECONDS

    def snapshot(self) -> Network:
        return self._of(self._members.snapshot())

    @asynccontextmanager
    async def lease(self, like: NetworkSpec | None = None) -> AsyncIterator[Network]:
        """Yield a snapshot whose models stay open until the context ends. Raises `StoreError`.

        `like` is the network of an interrupted run, whose members it has.
        """
        if time.monotonic() - self._read > STALE_SECONDS:
            await self.refresh()
        async with self._members.lease(like) as network:
            yield self._of(network)

    async def refresh(self) -> None:
        """Read what other processes recorded. Raises `StoreError`."""
        self._read = time.monotonic()
        self._take_in(await self._store.all())

    async def record(self, found: Sequence[Observation], *, instead_of: str = "") -> list[StandingEvent]:
        """Record observations, and return the changes of standing that they make. Raises `StoreError`.

        `instead_of`: the outcomes reported earlier for the run of that id are taken back.
        """
        profiles, events = await self._store.record(found, self.books, instead_of=instead_of)
        self._take_in(profiles)
        for event in events:
            if event.before is not None:
                log.info("%s is %s: %s", event.seat.member, event.after, event.why)
            if self._on_standing is not None:
                self._on_standing(event)
        return events

    def seats(self, name: str) -> list[Profile]:
        """Return the profiles of a member's seats; none where nothing was measured."""
        found = self._member(name)
        return [] if found is None else list(self._profiles.get((name, found[1]), {}).values())

    def profile(self, seat: Seat) -> Profile | None:
        """Return the profile of a seat; None where nothing was measured."""
        return self._profiles.get((seat.member, seat.digest), {}).get(seat.node)

    def seat(self, name: str, served_by: str | None = None) -> Seat | None:
        """Return the seat of a member on a node, given by its name; None for a name that is no member's."""
        found = self._member(name)
        return None if found is None else Seat(member=name, digest=found[1], node=self.key(served_by))

    def key(self, served_by: str | None) -> str:
        """Return the key of the node that served a turn; empty for one in process."""
        return "" if served_by is None else self._key_of(served_by)

    def is_asked(self, name: str) -> bool:
        """Return whether a member is asked canaries at all."""
        if self.rules.members == "none":
            return False
        return self.rules.members == "all" or name in self._members.snapshot().joined

    def share(self, name: str) -> float:
        """Return how many canaries a member is asked for each of its turns."""
        found = self._member(name)
        if found is None or not self.is_asked(name):
            return 0.0
        trusted = self._is_trusted(found[0], self._members.snapshot())
        first = self.rules.share if trusted else self.rules.newcomers
        return max(map(self.books.share, self.seats(name)), default=first)

    def _newcomer(self, seat: Seat, time: datetime) -> Profile:
        member, digest = self._member(seat.member) or (None, "")
        if member is None or digest != seat.digest or not self._is_trusted(member, self._members.snapshot()):
            return newcomer(seat, time)
        return trusted_from_the_start(seat, member.card, time)

    def _is_trusted(self, member: AgentSpec, network: Network) -> bool:
        """Whether a member counts before anything was measured: its owner chose it."""
        return member.vouched or member.name not in network.joined or self.rules.members == "none"

    def _take_in(self, profiles: Iterable[Profile]) -> None:
        for profile in profiles:
            seat = profile.seat
            of_member = self._profiles.setdefault((seat.member, seat.digest), {})
            before = of_member.get(seat.node)
            if before is not None and before.revision > profile.revision:
                continue  # a reading that began before the latest record, and ended after it
            of_member[seat.node] = profile
            if before is None or before.revision != profile.revision:
                self._changes += 1

    def _member(self, name: str) -> tuple[AgentSpec, str] | None:
        """Return a present member with its digest; None for any other name."""
        return self._indexed(self._members.snapshot()).get(name)

    def _indexed(self, network: Network) -> dict[str, tuple[AgentSpec, str]]:
        of, index = self._index
        if of is not network:
            before, index = index, {}
            for member in network.spec.agents:
                known = before.get(member.name)
                index[member.name] = known if known and known[0] is member else (member, digest_of(member))
            self._index = network, index
        return index

    def _of(self, network: Network) -> Network:
        """Return a snapshot by what is known now; the same object as long as neither has changed."""
        if self._seen is None or self._network is None or self._seen != (network, self._changes):
            self._seen, self._network = (network, self._changes), self._made(network)
        return self._network

    def _made(self, network: Network) -> Network:
        index = self._indexed(network)
        made = by_profiles(
            network,
            lambda member: list(self._profiles.get((member.name, index[member.name][1]), {}).values()),
            lambda member: self._is_trusted(member, network),
        )
        stuck = made.probation - self._warned
        if stuck and not self.books.labels:
            self._warned |= stuck
            log.warning(
                "%s: on probation, and there is nothing to measure by: give the network's `canaries` some "
                "`questions`, or run `agentnet measure`",
                ", ".join(sorted(stuck)),
            )
        return made
