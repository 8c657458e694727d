"""`Nodes`: what a database remembers of the nodes of a network: their records, their leases, and every change of them.

A change of a node's state and its event are one transaction, which advances the network's epoch: the event has that
number, and so has the node. Reading what changed since an epoch therefore misses nothing, whichever process wrote it.
A heartbeat changes no epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from json import JSONDecoder
from typing import Any, TypeVar

from pydantic import TypeAdapter
from sqlalchemy import Connection, Row, bindparam, case, delete, exists, func, insert, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from agentnet.contracts.nodes import LEASED, Load, NodeEvent, NodeRecord, NodeState, Offer
from agentnet.store.database import Database
from agentnet.store.tables import node_events, node_offers, nodes, rosters, utc

T = TypeVar("T")

UNKNOWN = "unknown"
"""What a node is before it first registers, in events."""

FORGOTTEN = "forgotten"
"""What a node is after its row was removed, in the event that says so."""

BACK_SECONDS = 60.0
"""How far back heartbeats are read again while the latest that was seen lies in the future."""

_OFFERS = TypeAdapter(tuple[Offer, ...])
_OFFER, _DECODER = TypeAdapter(Offer), JSONDecoder()
_LOAD = tuple(Load.model_fields)


def _of(table: Any) -> tuple[Any, Any]:
    return table.c.network == bindparam("of_network"), table.c.key == bindparam("of_key")


# Statements are built once: SQLAlchemy then looks up how to say them, instead of working it out each time.
_HOLD = select(rosters.c.epoch).where(rosters.c.network == bindparam("of_network")).with_for_update()
_EPOCH = select(rosters.c.epoch).where(rosters.c.network == bindparam("of_network"))
_ADVANCE = update(rosters).where(rosters.c.network == bindparam("of_network")).values(epoch=bindparam("epoch"))
_BY_KEY = select(nodes).where(*_of(nodes))
_BY_NAME = select(nodes).where(nodes.c.network == bindparam("of_network"), nodes.c.name == bindparam("of_name"))
_LEASE = select(nodes.c.name, nodes.c.state, nodes.c.lease).where(*_of(nodes))
_CHANGE = update(nodes).where(*_of(nodes))
_BEAT = _CHANGE.where(nodes.c.lease == bindparam("of_lease"), nodes.c.state.in_(sorted(LEASED)))
_ADD, _ADD_OFFERS, _ADD_EVENT = insert(nodes), insert(node_offers), insert(node_events)
_WITHDRAW = delete(node_offers).where(*_of(node_offers))
_CONFLICT = (
    select(node_offers.c.member, node_offers.c.digest, nodes.c.name)
    .join(nodes, (nodes.c.network == node_offers.c.network) & (nodes.c.key == node_offers.c.key))
    .where(node_offers.c.network == bindparam("of_network"))
    .where(node_offers.c.member.in_(bindparam("members", expanding=True)))
    .where(tuple_(node_offers.c.member, node_offers.c.digest).not_in(bindparam("offers", expanding=True)))
    .where(nodes.c.state.in_(sorted(LEASED)), nodes.c.name != bindparam("of_name"))
    .order_by(node_offers.c.member, nodes.c.joined)
    .limit(1)
)
_BEATS = select(nodes.c.key, nodes.c.heard, nodes.c.until, *(nodes.c[name] for name in _LOAD)).where(
    nodes.c.network == bindparam("of_network"),
    nodes.c.heard > bindparam("since"),
    nodes.c.epoch <= bindparam("known"),
)


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
        self._held: int | None = None
        """The epoch, while no other transaction can change it."""

    def now(self) -> datetime:
        """Return the time by the clock of the database: of this machine for SQLite, else of its server."""
        if self._connection.dialect.name == "sqlite":
            return datetime.now(UTC)
        found: datetime = self._connection.execute(select(func.clock_timestamp())).scalar_one()
        return found.astimezone(UTC)

    def hold(self) -> int:
        """Let no other transaction change the network's nodes until this one ends, and return the epoch."""
        if self._held is not None:
            return self._held
        mine = {"of_network": self._network}
        epoch = self._connection.execute(_HOLD, mine).scalar()
        if epoch is None:
            insert = sqlite.insert if self._connection.dialect.name == "sqlite" else postgresql.insert
            new = insert(rosters).values(network=self._network, epoch=0)
            self._connection.execute(new.on_conflict_do_nothing())  # of two processes, the first one's counts
            epoch = self._connection.execute(_HOLD, mine).scalar_one()
        self._held = int(epoch)
        return self._held

    def epoch(self) -> int:
        """Return the number of the latest change."""
        return int(self._connection.execute(_EPOCH, {"of_network": self._network}).scalar() or 0)

    def record(self, key: str) -> NodeRecord | None:
        """Return the node with a key."""
        row = self._connection.execute(_BY_KEY, self._node(key)).one_or_none()
        return None if row is None else _record(row)

    def named(self, name: str) -> NodeRecord | None:
        """Return the node with a name."""
        named = {"of_network": self._network, "of_name": name}
        row = self._connection.execute(_BY_NAME, named).one_or_none()
        return None if row is None else _record(row)

    def beginning(self, prefix: str, limit: int = 4) -> list[NodeRecord]:
        """Return the first nodes whose keys begin with `prefix`."""
        begins = func.substr(nodes.c.key, 1, len(prefix)) == prefix
        query = select(nodes).where(nodes.c.network == self._network, begins).order_by(nodes.c.key).limit(limit)
        return [_record(row) for row in self._connection.execute(query)]

    def all(self) -> list[NodeRecord]:
        """Return all nodes in the order in which they joined."""
        query = select(nodes).where(nodes.c.network == self._network).order_by(nodes.c.joined, nodes.c.key)
        return [_record(row) for row in self._connection.execute(query)]

    def conflict(self, digests: Mapping[str, str], name: str) -> tuple[str, str, str] | None:
        """Return the first offer of one of some members (name → digest) with another digest by another node.

        It is (member, digest, name of that node). Nodes without a lease do not count, nor does the one with a name.
        """
        offers = {"members": list(digests), "offers": list(digests.items())}
        found = self._connection.execute(_CONFLICT, {"of_network": self._network, "of_name": name, **offers})
        row = found.one_or_none()
        return None if row is None else (row.member, row.digest, row.name)

    def lease(self, key: str) -> Lease | None:
        """Return the lease of the node with a key."""
        row = self._connection.execute(_LEASE, self._node(key)).one_or_none()
        return None if row is None else Lease(row.name, row.state, row.lease)

    def beat(self, key: str, id: str, load: Load, heard: datetime, seconds: float) -> bool:
        """Write down a heartbeat, which begins a lease of so many seconds again; returns whether the node has it."""
        values = {**_lease_columns(heard, seconds), **load.model_dump()}
        return self._connection.execute(_BEAT, {**self._node(key), "of_lease": id, **values}).rowcount == 1

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

    def save(self, record: NodeRecord, known: NodeRecord | None, why: str, now: datetime, **data: Any) -> NodeEvent:
        """Replace what is known of a node, whose state or offers have changed, and return the event of it.

        `known` is its record as this transaction read it; None for a new node.
        """
        before = UNKNOWN if known is None else known.state
        event = self.add(
            NodeEvent(time=now, node=record.name, key=record.key, before=before, after=record.state, why=why, data=data)
        )
        lease = (record.until - record.heard).total_seconds()
        row = {
            **record.model_dump(include={"name", "url", "state", "access", "lease"}),
            **_lease_columns(record.heard, lease),
            **record.load.model_dump(),
            "joined": utc(record.joined),
            "epoch": event.sequence,
        }
        same = known is not None and known.offers == record.offers
        if not same:
            row["offers"] = _OFFERS.dump_json(record.offers, exclude_defaults=True).decode()
        if known is None:
            self._connection.execute(_ADD, {"network": self._network, "key": record.key, **row})
        else:
            self._connection.execute(_CHANGE, {**self._node(record.key), **row})
        if not same:
            if known is not None:
                self._connection.execute(_WITHDRAW, self._node(record.key))
            self._connection.execute(
                _ADD_OFFERS,
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
        self._connection.execute(_WITHDRAW, self._node(record.key))
        self._connection.execute(delete(nodes).where(*_of(nodes)), self._node(record.key))
        return event

    def add(self, event: NodeEvent) -> NodeEvent:
        """Write down an event, which advances the epoch, and return it with its sequence."""
        epoch = self.hold() + 1
        self._connection.execute(_ADVANCE, {"of_network": self._network, "epoch": epoch})
        self._held = epoch
        event = event.model_copy(update={"sequence": epoch})
        row = event.model_dump(exclude={"time"})
        self._connection.execute(_ADD_EVENT, {"network": self._network, "time": utc(event.time), **row})
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
        query = select(node_events).where(
            *_of(node_events), node_events.c.after == after, node_events.c.member.is_(None)
        )
        last = query.order_by(node_events.c.sequence.desc()).limit(1)
        row = self._connection.execute(last, self._node(key)).one_or_none()
        return None if row is None else _event(row)

    def news(self, epoch: int, heard: datetime | None) -> News:
        """Return what changed since an epoch, and the heartbeats since a time (None: of no node)."""
        now = self.epoch()
        beats: list[Beat] = []
        if heard is not None:
            if heard > (time := self.now()):  # the clock was set back
                heard = time - timedelta(seconds=BACK_SECONDS)
            recent = {"of_network": self._network, "since": utc(heard), "known": epoch}
            beats = [_beat(row) for row in self._connection.execute(_BEATS, recent).all()]
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

    def _node(self, key: str) -> dict[str, str]:
        return {"of_network": self._network, "of_key": key}

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


@lru_cache(maxsize=1024)
def _offers(text: str) -> tuple[Offer, ...]:
    """Return offers from their JSON; those of replicas are equal, and made once."""
    offers, place = [], 1
    while text[place - 1] != "]":  # at each comma, and at the bracket before the first, an offer begins
        _, end = _DECODER.raw_decode(text, place)
        offers.append(_offer(text[place:end]))
        place = end + 1
    return tuple(offers)


@lru_cache(maxsize=4096)
def _offer(text: str) -> Offer:
    return _OFFER.validate_json(text)


def _load(row: Row[Any]) -> Load:
    return Load(**{name: getattr(row, name) for name in _LOAD})


def _beat(row: Row[Any]) -> Beat:
    key, heard, until, *load = tuple(row)
    stated = Load(**dict(zip(_LOAD, load, strict=True)))
    return Beat(key, datetime.fromisoformat(heard), datetime.fromisoformat(until), stated)


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
