"""`Nodes`: what a database remembers of the nodes of a network: their records, their leases, and every change of them.

A change of a node's state and its event are one transaction, which advances the network's epoch: the event has that
number, and so has the node. Reading what changed since an epoch therefore misses nothing, whichever process wrote it.
A heartbeat changes no epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar

from pydantic import TypeAdapter
from sqlalchemy import Connection, Row, case, delete, exists, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from agentnet.contracts.nodes import LEASED, Load, NodeEvent, NodeRecord, NodeState, Offer
from agentnet.store.database import Database
from agentnet.store.tables import node_events, node_offers, nodes, rosters, utc

T = TypeVar("T")

FORGOTTEN = "forgotten"
"""What a node is after its row was removed, in the event that says so."""

BACK_SECONDS = 60.0
"""How far back heartbeats are read again while the latest that was seen lies in the future."""

_OFFERS = TypeAdapter(tuple[Offer, ...])
_LOAD = tuple(Load.model_fields)


@dataclass(frozen=True, slots=True)
class Lease:
    """What a heartbeat looks at: whether the node is known, under which lease, and in which state."""

    name: str
    state: NodeState
    lease: str


@dataclass(frozen=True, slots=True)
class Beat:
    """The latest heartbeat of a node."""

    key: str
    heard: datetime
    until: datetime
    load: Load


@dataclass(frozen=True, slots=True)
class News:
    """What changed since an epoch, and since a heartbeat."""

    epoch: int
    changed: Sequence[NodeRecord] = ()
    """Nodes whose state or offers changed."""
    forgotten: Sequence[str] = ()
    """Keys of nodes whose rows were removed."""
    beats: Sequence[Beat] = ()
    """Heartbeats of nodes that did not change."""


class Nodes:
    """The nodes of one network in an open database. Every method may raise `StoreError`."""

    def __init__(self, database: Database, network: str) -> None:
        self.network = network
        """Name of the network: a database may hold the nodes of several."""
        self.name = database.name
        self._database = database

    async def read(self, work: Callable[[NodeTable], T]) -> T:
        """Run `work`, which only reads, in a transaction; returns its result."""
        return await self._database.read(lambda connection: work(NodeTable(connection, self.network)))

    async def write(self, work: Callable[[NodeTable], T]) -> T:
        """Run `work` in a transaction; returns its result once that is committed."""
        return await self._database.write(lambda connection: work(NodeTable(connection, self.network)))


class NodeTable:
    """The rows of one network's nodes, within a transaction."""

    def __init__(self, connection: Connection, network: str) -> None:
        self._connection = connection
        self._network = network

    def now(self) -> datetime:
        """Return the time by the clock of the database: of this machine for SQLite, else of its server."""
        if self._connection.dialect.name == "sqlite":
            return datetime.now(UTC)
        found: datetime = self._connection.execute(select(func.clock_timestamp())).scalar_one()
        return found.astimezone(UTC)

    def hold(self) -> int:
        """Let no other transaction change the network's nodes until this one ends, and return the epoch."""
        mine = select(rosters.c.epoch).where(rosters.c.network == self._network).with_for_update()
        epoch = self._connection.execute(mine).scalar()
        if epoch is None:
            insert = sqlite.insert if self._connection.dialect.name == "sqlite" else postgresql.insert
            new = insert(rosters).values(network=self._network, epoch=0)
            self._connection.execute(new.on_conflict_do_nothing())  # of two processes, the first one's counts
            epoch = self._connection.execute(mine).scalar_one()
        return int(epoch)

    def epoch(self) -> int:
        """Return the number of the latest change."""
        query = select(rosters.c.epoch).where(rosters.c.network == self._network)
        return int(self._connection.execute(query).scalar() or 0)

    def record(self, key: str) -> NodeRecord | None:
        """Return the node with a key."""
        row = self._connection.execute(select(nodes).where(*self._of(key))).one_or_none()
        return None if row is None else _record(row)

    def named(self, name: str) -> NodeRecord | None:
        """Return the node with a name."""
        query = select(nodes).where(nodes.c.network == self._network, nodes.c.name == name)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _record(row)

    def beginning(self, prefix: str, limit: int = 4) -> list[NodeRecord]:
        """Return the first nodes whose keys begin with `prefix`."""
        begins = func.substr(nodes.c.key, 1, len(prefix)) == prefix
        query = select(nodes).where(nodes.c.network == self._network, begins).order_by(nodes.c.key).limit(limit)
        return [_record(row) for row in self._connection.execute(query)]

    def all(self, states: Collection[NodeState] | None = None) -> list[NodeRecord]:
        """Return all nodes, or those in some states, in the order in which they joined."""
        query = select(nodes).where(nodes.c.network == self._network)
        if states is not None:
            query = query.where(nodes.c.state.in_(states))
        return [_record(row) for row in self._connection.execute(query.order_by(nodes.c.joined, nodes.c.key))]

    def offered(self, members: Iterable[str]) -> list[tuple[str, str, str]]:
        """Return (member, digest, name of the node) of all offers of some members by nodes that have a lease."""
        query = (
            select(node_offers.c.member, node_offers.c.digest, nodes.c.name)
            .join(nodes, (nodes.c.network == node_offers.c.network) & (nodes.c.key == node_offers.c.key))
            .where(node_offers.c.network == self._network, node_offers.c.member.in_(list(members)))
            .where(nodes.c.state.in_(LEASED))
            .order_by(node_offers.c.member, nodes.c.joined)
        )
        return [(row.member, row.digest, row.name) for row in self._connection.execute(query)]

    def lease(self, key: str) -> Lease | None:
        """Return the lease of the node with a key."""
        query = select(nodes.c.name, nodes.c.state, nodes.c.lease).where(*self._of(key))
        row = self._connection.execute(query).one_or_none()
        return None if row is None else Lease(row.name, row.state, row.lease)

    def beat(self, key: str, id: str, load: Load, heard: datetime, seconds: float) -> bool:
        """Write down a heartbeat, which begins a lease of so many seconds again; returns whether the node has it."""
        holds = (*self._of(key), nodes.c.lease == id, nodes.c.state.in_(LEASED))
        values = {**_lease_columns(heard, seconds), **load.model_dump()}
        return self._connection.execute(update(nodes).where(*holds).values(**values)).rowcount == 1

    def extend(self, now: datetime, lease: float) -> int:
        """Let all leases begin now, and return how many there are."""
        times = _lease_columns(now, lease)
        heard = case((nodes.c.heard > utc(now), utc(now)), else_=nodes.c.heard)  # the clock may have been set back
        running = (nodes.c.network == self._network) & nodes.c.state.in_(LEASED)
        return self._connection.execute(update(nodes).where(running).values(**{**times, "heard": heard})).rowcount

    def any_late(self, now: datetime) -> bool:
        """Return whether a node is late that may not be known to be so."""
        query = select(exists().where(*self._late(now)))
        return bool(self._connection.execute(query).scalar())

    def late(self, now: datetime) -> list[NodeRecord]:
        """Return the nodes with a lease whose heartbeats are late."""
        query = select(nodes).where(*self._late(now)).order_by(nodes.c.joined, nodes.c.key)
        return [_record(row) for row in self._connection.execute(query)]

    def save(self, record: NodeRecord, before: str, why: str, now: datetime, **data: Any) -> NodeEvent:
        """Replace what is known of a node, whose state or offers have changed, and return the event of it."""
        event = self.add(
            NodeEvent(time=now, node=record.name, key=record.key, before=before, after=record.state, why=why, data=data)
        )
        lease = (record.until - record.heard).total_seconds()
        row = {
            **record.model_dump(include={"name", "url", "state", "access", "lease"}),
            **_lease_columns(record.heard, lease),
            **record.load.model_dump(),
            "joined": utc(record.joined),
            "offers": _OFFERS.dump_json(record.offers, exclude_defaults=True).decode(),
            "epoch": event.sequence,
        }
        known = self._connection.execute(select(nodes.c.offers).where(*self._of(record.key))).scalar()
        if known is None:
            self._connection.execute(insert(nodes), {"network": self._network, "key": record.key, **row})
        else:
            self._connection.execute(update(nodes).where(*self._of(record.key)).values(**row))
        if known != row["offers"]:
            self._connection.execute(delete(node_offers).where(*self._of(record.key, node_offers)))
            self._connection.execute(
                insert(node_offers),
                [
                    {"network": self._network, "key": record.key, "member": offer.name, "digest": offer.digest}
                    for offer in record.offers
                ],
            )
        return event

    def remove(self, record: NodeRecord, why: str, now: datetime) -> NodeEvent:
        """Remove a node's row, so that its name and its key are free, and return the event of it."""
        event = self.add(
            NodeEvent(time=now, node=record.name, key=record.key, before=record.state, after=FORGOTTEN, why=why)
        )
        self._connection.execute(delete(node_offers).where(*self._of(record.key, node_offers)))
        self._connection.execute(delete(nodes).where(*self._of(record.key)))
        return event

    def add(self, event: NodeEvent) -> NodeEvent:
        """Write down an event, which advances the epoch, and return it with its sequence."""
        epoch = self.hold() + 1
        self._connection.execute(update(rosters).where(rosters.c.network == self._network).values(epoch=epoch))
        event = event.model_copy(update={"sequence": epoch})
        row = event.model_dump(exclude={"time"})
        self._connection.execute(insert(node_events), {"network": self._network, "time": utc(event.time), **row})
        return event

    def events(self, after: int = 0, limit: int = 1000, key: str | None = None) -> list[NodeEvent]:
        """Return the events behind a sequence, the oldest first; of one node, if its key is given."""
        query = select(node_events).where(node_events.c.network == self._network, node_events.c.sequence > after)
        if key is not None:
            query = query.where(node_events.c.key == key)
        rows = self._connection.execute(query.order_by(node_events.c.sequence).limit(limit))
        return [_event(row) for row in rows]

    def latest(self, key: str, after: str) -> NodeEvent | None:
        """Return the latest event with which a node came into a state."""
        mine = self._of(key, node_events)
        query = select(node_events).where(*mine, node_events.c.after == after, node_events.c.member.is_(None))
        row = self._connection.execute(query.order_by(node_events.c.sequence.desc()).limit(1)).one_or_none()
        return None if row is None else _event(row)

    def news(self, epoch: int, heard: datetime | None) -> News:
        """Return what changed since an epoch, and the heartbeats since a time (None: of no node)."""
        now = self.epoch()
        beats: list[Beat] = []
        if heard is not None:
            if heard > (time := self.now()):  # the clock was set back
                heard = time - timedelta(seconds=BACK_SECONDS)
            columns = [nodes.c.key, nodes.c.heard, nodes.c.until, *(nodes.c[name] for name in _LOAD)]
            recent = (nodes.c.network == self._network) & (nodes.c.heard > utc(heard)) & (nodes.c.epoch <= epoch)
            beats = [_beat(row) for row in self._connection.execute(select(*columns).where(recent))]
        if now == epoch:
            return News(epoch, beats=beats)
        mine = select(nodes).where(nodes.c.network == self._network, nodes.c.epoch > epoch)
        removed = select(node_events.c.key).where(
            node_events.c.network == self._network,
            node_events.c.sequence > epoch,
            node_events.c.after == FORGOTTEN,
            node_events.c.member.is_(None),
        )
        changed = [_record(row) for row in self._connection.execute(mine.order_by(nodes.c.epoch))]
        present = {record.key for record in changed}
        gone = [key for key in self._connection.scalars(removed) if key not in present]
        return News(now, changed, gone, beats)

    def _of(self, key: str, table: Any = nodes) -> tuple[Any, Any]:
        return table.c.network == self._network, table.c.key == key

    def _late(self, now: datetime) -> tuple[Any, ...]:
        over = (nodes.c.state == "active") | (nodes.c.until < utc(now))
        return nodes.c.network == self._network, nodes.c.state.in_(LEASED), nodes.c.late < utc(now), over


def _lease_columns(heard: datetime, lease: float) -> dict[str, str]:
    return {
        "heard": utc(heard),
        "late": utc(heard + timedelta(seconds=lease / 2)),
        "until": utc(heard + timedelta(seconds=lease)),
    }


def _record(row: Row[Any]) -> NodeRecord:
    return NodeRecord(
        key=row.key,
        name=row.name,
        url=row.url,
        state=row.state,
        offers=_offers(row.offers),
        access=row.access,
        load=_load(row),
        lease=row.lease,
        joined=datetime.fromisoformat(row.joined),
        heard=datetime.fromisoformat(row.heard),
        until=datetime.fromisoformat(row.until),
        epoch=row.epoch,
    )


@lru_cache(maxsize=512)
def _offers(text: str) -> tuple[Offer, ...]:
    """Return offers from their JSON; those of replicas are equal, and parsed once."""
    return _OFFERS.validate_json(text)


def _load(row: Row[Any]) -> Load:
    return Load(**{name: getattr(row, name) for name in _LOAD})


def _beat(row: Row[Any]) -> Beat:
    return Beat(row.key, datetime.fromisoformat(row.heard), datetime.fromisoformat(row.until), _load(row))


def _event(row: Row[Any]) -> NodeEvent:
    return NodeEvent(
        sequence=row.sequence,
        time=datetime.fromisoformat(row.time),
        node=row.node,
        key=row.key,
        member=row.member,
        before=row.before,
        after=row.after,
        why=row.why,
        data=row.data,
    )
