"""`Roster`: the nodes that take part in a network, by the network's clock.

::

    register ─▶ joining ─heartbeat─▶ active ◀─heartbeat─▶ suspect ─lease over─▶ gone ─register─▶ joining …
                                       └──drain──▶ draining ──leave, lease over──▶ gone
                                       └──expel──▶ expelled ──readmit──▶ gone

It lives in the store: every process with the same store sees the same roster. One process, the network's hub, registers
nodes and hears their heartbeats; any process may notice that a lease is over. Every change is an event.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, TypeVar

from agentnet.contracts.nodes import (
    LEASE_SECONDS,
    LEASED,
    Load,
    NodeCard,
    NodeEvent,
    NodeRecord,
    NodeState,
)
from agentnet.errors import BadInput, LeaseOver, NodeRefused, NodeReplaced, StoreError
from agentnet.logs import logger
from agentnet.network.admission import refusal
from agentnet.store.nodes import Nodes, NodeTable

log = logger("nodes")
T = TypeVar("T")

JUMP_SECONDS = 2.0
"""A clock that went on by so many seconds more or less than time itself was set."""


class Roster:
    """The nodes of a network. Belongs to one event loop. Every method may raise `StoreError`.

    Times are the store's: those of this machine for SQLite, of the server for another database. `now` replaces them.
    """

    def __init__(
        self,
        nodes: Nodes,
        *,
        lease: float = LEASE_SECONDS,
        hosting: bool = False,
        own: Callable[[], Collection[str]] = tuple,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make a roster of a store's nodes.

        `hosting`: this process is the hub that hears heartbeats. After a time in which it could not hear them, it
        believes all nodes for another lease. `own` returns the names of the network's own members, which no node may
        offer. `lease` is in seconds; `clock` gives seconds, and is never set.
        """
        self._nodes, self._lease, self._hosting, self._own, self._clock = nodes, lease, hosting, own, clock
        self._known: dict[str, NodeRecord] = {}
        self._keys: dict[str, str] = {}
        """Name → key of every node that `refresh` saw, those that are gone too."""
        self._epoch = 0
        self._heard: datetime | None = None
        self._listeners: list[Callable[[], None]] = []
        self._swept: tuple[float, datetime] | None = None
        """When leases were last looked at: by the monotonic clock, and by the store's."""

    @property
    def epoch(self) -> int:
        """Number of the latest change that `refresh` saw."""
        return self._epoch

    @property
    def known(self) -> list[NodeRecord]:
        """All nodes that are not gone, as of the last `refresh`, in the order in which they joined."""
        return sorted(self._known.values(), key=lambda record: (record.joined, record.key))

    def key_of(self, name: str) -> str:
        """Return the key of the node of a name, be it gone, as of the last `refresh`; empty for an unknown one."""
        return self._keys.get(name, "")

    async def register(self, card: NodeCard, *, silent: bool = False, now: datetime | None = None) -> NodeRecord:
        """Admit a node, or admit it again, and return its record with a new lease. Its signature was checked before.

        It is `joining` until its first heartbeat. Raises `NodeRefused`: for a name that another key has, a key that
        another process uses or that was expelled, and for members that the network cannot have. `silent`: no process
        answers for the key at its earlier address, so that it may come back at another one before its lease is over.
        """

        def work(table: NodeTable) -> NodeRecord:
            table.hold()
            time = now or table.now()
            before = table.record(card.key)
            if (why := refusal(card, table, before, time, self._own(), silent=silent)) is not None:
                raise NodeRefused(why)
            again = before is not None and before.state in LEASED
            record = NodeRecord(
                key=card.key,
                name=card.name,
                url=card.url,
                state="joining",
                offers=card.offers,
                access=card.access,
                lease=secrets.token_urlsafe(12),
                joined=before.joined if before is not None and again else time,
                heard=time,
                until=time + timedelta(seconds=self._lease),
            )
            why = "its process started again" if again else "registered"
            event = table.save(record, before, why, time)
            return record.model_copy(update={"epoch": event.sequence})

        return await self._changed(work)

    async def heartbeat(
        self, key: str, lease: str, load: Load | None = None, *, now: datetime | None = None
    ) -> NodeState:
        """Begin a node's lease again, and return its state: `active`, or `draining` if it is to take nothing new.

        Raises `LeaseOver` if the lease ran out (it may register again), `NodeReplaced` if another process registered
        with its key, and `NodeRefused` if it was expelled.
        """

        def work(table: NodeTable) -> tuple[NodeState, bool]:
            state = self._holder(table, key, lease)
            if state in ("joining", "suspect"):
                table.hold()  # before a row of a node is written: other transactions do it in this order
            time = now or table.now()
            if not table.beat(key, lease, load or Load(), time, self._lease):
                return self._holder(table, key, lease), False
            record = self._one(table, key) if state in ("joining", "suspect") else None
            if record is None or record.state not in ("joining", "suspect"):
                return state, False
            why = "it answers" if record.state == "joining" else "its heartbeat came"
            table.save(record.model_copy(update={"state": "active"}), record, why, time)
            return "active", True

        state, changed = await self._written(work)
        if changed:
            self._tell()
        return state

    async def drain(self, key: str, lease: str | None, why: str = "it is leaving") -> None:
        """Let a node finish what it has, and give it nothing new.

        Without a lease, this is the word of the key's owner, for whichever process has the key. Raises like
        `heartbeat`.
        """
        await self._changed(lambda table: self._left(table, key, lease, "draining", why))

    async def leave(self, key: str, lease: str | None, why: str = "it left") -> None:
        """Take a node off the network; `lease` as in `drain`. Raises like `heartbeat`."""
        await self._changed(lambda table: self._left(table, key, lease, "gone", why))

    async def expel(self, key: str, why: str, **data: Any) -> NodeRecord:
        """Take a node off the network for good: its key may not register until it is readmitted.

        `data` is the evidence: of a test its p0, p1, counts, statistic and bound. Raises `BadInput` for an unknown key.
        """
        return await self._moved(key, "expelled", why, **data)

    async def readmit(self, key: str, why: str = "its owner readmitted it") -> NodeRecord:
        """Let a node that was expelled register again. Raises `BadInput` for a key that was not expelled."""
        return await self._moved(key, "gone", why, only="expelled")

    async def forget(self, key: str, why: str = "its owner had it forgotten") -> None:
        """Remove a node, so that its name is free for another key. Its events stay. Raises `BadInput`.

        A node that was expelled is not forgotten: its key could register again.
        """

        def work(table: NodeTable) -> None:
            table.hold()
            record = self._one(table, key)
            if record.state == "expelled":
                raise BadInput(f"node {record.name} was expelled, and must be known to stay so: readmit it first")
            table.remove(record, why, table.now())

        await self._changed(work)

    async def record(self, event: NodeEvent) -> NodeEvent:
        """Write down a change of the standing of a node's member; returns the event with its sequence."""
        return await self._changed(lambda table: table.add(event))

    async def find(self, reference: str) -> NodeRecord:
        """Return the node of a name, or of the beginning of a key. Raises `BadInput` for none, or several."""

        def work(table: NodeTable) -> NodeRecord:
            if (named := table.named(reference)) is not None:
                return named
            matching = table.beginning(reference) if reference else []
            if len(matching) > 1 and matching[0].key != reference:
                raise BadInput(f"several keys begin with {reference!r}: give more letters, or the node's name")
            if not matching:
                raise BadInput(
                    f"no node {reference!r} in network {self._nodes.network!r}: `agentnet nodes` lists names and keys"
                )
            return matching[0]

        return await self._nodes.read(work)

    async def nodes(self, *, gone: bool = False) -> list[NodeRecord]:
        """Return all nodes in the order in which they joined; with `gone`, those that are gone too."""
        if gone:
            return await self._nodes.read(NodeTable.all)
        await self.refresh()
        return self.known

    async def now(self) -> datetime:
        """Return the time by the network's clock."""
        return await self._nodes.read(NodeTable.now)

    async def events(self, after: int = 0, limit: int = 1000, *, key: str | None = None) -> list[NodeEvent]:
        """Return the events behind a sequence, the oldest first; of one node, if its key is given."""
        return await self._nodes.read(lambda table: table.events(after, limit, key))

    async def sweep(self, *, now: datetime | None = None) -> list[NodeEvent]:
        """Look at all leases, and return what changed: a late node is `suspect`, one whose lease is over is `gone`.

        A hub that could not hear heartbeats for a while (it was not running, it was suspended, the store was locked or
        away, the clock was set) first believes all nodes for another lease.
        """
        asked = self._clock()

        def look(table: NodeTable) -> tuple[datetime, bool]:
            time = now or table.now()
            return time, table.any_late(time)

        time, late = await self._nodes.read(look)
        if self._hosting and self._was_away(asked, time):
            count = await self._written(lambda table: table.extend(time, self._lease))
            late = False
            if count:
                log.info("%d nodes are believed for another %g seconds", count, self._lease)
        self._swept = asked, time
        if not late:
            return []
        return await self._changed(lambda table: self._expired(table, time))

    async def refresh(self) -> bool:
        """Read what changed since the last time, and return whether anything did, be it a heartbeat."""
        epoch, heard = self._epoch, self._heard
        news = await self._nodes.read(lambda table: table.news(epoch, heard))
        if news.epoch < self._epoch:
            return False  # a later reading came first
        self._epoch = news.epoch
        for record in news.changed:
            self._keys[record.name] = record.key
            if record.state == "gone":
                self._known.pop(record.key, None)
            else:
                self._known[record.key] = record
        for key in news.forgotten:
            self._known.pop(key, None)
        times = [record.heard for record in news.changed]
        for beat in news.beats:
            known = self._known.get(beat.key)
            if known is not None and (known.heard != beat.heard or known.load != beat.load):
                times.append(beat.heard)
                update = {"heard": beat.heard, "until": beat.until, "load": beat.load}
                self._known[beat.key] = known.model_copy(update=update)
        self._heard = max(times, default=heard)
        return bool(times) or news.epoch != epoch

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after every change that this object makes; returns a function that ends it."""
        self._listeners.append(listener)

        def stop() -> None:
            with suppress(ValueError):
                self._listeners.remove(listener)

        return stop

    def _was_away(self, asked: float, time: datetime) -> bool:
        if self._swept is None:
            return True
        passed, by_store = asked - self._swept[0], (time - self._swept[1]).total_seconds()
        return passed > self._lease / 2 or abs(by_store - passed) > JUMP_SECONDS

    def _expired(self, table: NodeTable, now: datetime) -> list[NodeEvent]:
        table.hold()
        events = []
        for record in table.late(now):
            silent = f"{(now - record.heard).total_seconds():.1f} seconds without a heartbeat"
            over = record.until < now
            state: NodeState = "gone" if over else "suspect"
            why = f"its lease ran out: {silent}" if over else silent
            events.append(table.save(record.model_copy(update={"state": state}), record, why, now))
        return events

    def _holder(self, table: NodeTable, key: str, lease: str | None) -> NodeState:
        """Return the state of the node that holds a lease (None: whichever it has). Raises what `heartbeat` raises."""
        known = table.lease(key)
        if known is not None and known.state == "expelled":
            event = table.latest(key, "expelled")
            raise NodeRefused(f"node {known.name} was expelled: {event.why if event else 'its events are gone'}")
        if known is None or known.state == "gone":
            raise LeaseOver(f"the lease of {'this node' if known is None else known.name} is over: register again")
        if lease is not None and known.lease != lease:
            raise NodeReplaced(
                f"another process registered as {known.name} with this node's key: end one of the two, or give each "
                f"a key of its own"
            )
        return known.state

    def _left(self, table: NodeTable, key: str, lease: str | None, state: NodeState, why: str) -> None:
        table.hold()
        self._holder(table, key, lease)
        record = self._one(table, key)
        if record.state != state:
            table.save(record.model_copy(update={"state": state}), record, why, table.now())

    async def _moved(
        self, key: str, state: NodeState, why: str, *, only: NodeState | None = None, **data: Any
    ) -> NodeRecord:
        def work(table: NodeTable) -> NodeRecord:
            table.hold()
            record = self._one(table, key)
            if only is not None and record.state != only:
                raise BadInput(f"node {record.name} is {record.state}, not {only}")
            if record.state == state:
                return record
            moved = record.model_copy(update={"state": state, "lease": ""})
            event = table.save(moved, record, why, table.now(), **data)
            return moved.model_copy(update={"epoch": event.sequence})

        return await self._changed(work)

    def _one(self, table: NodeTable, key: str) -> NodeRecord:
        record = table.record(key)
        if record is None:
            raise BadInput(f"no node has the key {key} in network {self._nodes.network!r}: `agentnet nodes` lists them")
        return record

    async def _changed(self, work: Callable[[NodeTable], T]) -> T:
        result = await self._written(work)
        self._tell()
        return result

    async def _written(self, work: Callable[[NodeTable], T]) -> T:
        try:
            return await self._nodes.write(work)
        except StoreError:
            self._swept = None  # heartbeats may have been lost
            raise

    def _tell(self) -> None:
        for listener in tuple(self._listeners):
            listener()
