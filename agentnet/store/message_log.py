"""`MessageLog`: numbers messages within their run, chains and inserts them, those of many runs in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Insert, Update, bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from agentnet.contracts.messages import LARGEST_INTEGER, Message, parse
from agentnet.contracts.usage import Usage
from agentnet.errors import StoreError
from agentnet.redaction import without_known
from agentnet.store.chain import Head, SealingKey, linked, start_of
from agentnet.store.faults import translated
from agentnet.store.tables import chains, messages, runs, utc

USAGE = tuple(Usage.model_fields)
_LENGTHEN = (
    update(chains)
    .where(chains.c.run == bindparam("of"))
    .values(length=bindparam("length"), head=bindparam("head"), seal=bindparam("seal"))
)
_SEAL = (
    update(chains)
    .where(chains.c.run == bindparam("of"), chains.c.head == bindparam("at"))
    .values(end_seal=bindparam("end_seal"))
)
_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Draft:
    """A message on its way into the log: its row, and its wire form, as far as they do not depend on the sequence."""

    message: Message
    row: dict[str, Any]
    wire: str

    @classmethod
    def of(cls, message: Message) -> Draft:
        """Raises `StoreError` for what no database can hold, such as text that is not Unicode."""
        usage = message.usage
        row = {
            "run": message.run,
            "id": message.id,
            "sender": message.sender,
            "node": message.node,
            "round": message.round,
            "kind": message.body.kind,
            "time": utc(message.time),
            **{name: getattr(usage, name) for name in USAGE},
        }
        try:
            wire = without_known(message.model_dump_json(exclude={"sequence"}))
            row["kind"].encode()
        except ValueError as error:
            raise StoreError(f"message {message.id} of {message.sender!r} cannot be stored: {error}") from error
        if max(value for value in row.values() if type(value) is int) > LARGEST_INTEGER:
            raise StoreError(f"message {message.id} of {message.sender!r} cannot be stored: a number is too large")
        return cls(message, row, wire)

    def placed(self, place: Place) -> tuple[Message, dict[str, Any], Place]:
        """Return the message at its place in the run, its row, and the place behind it."""
        wire = f'{{"sequence":{place.sequence},{self.wire[1:]}'
        head = place.head.with_message(linked(place.head.hash, wire))
        row = {**self.row, "sequence": place.sequence, "wire": wire, "chain": head.hash}
        return self.message.model_copy(update={"sequence": place.sequence}), row, Place(place.sequence + 1, head)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the next message of a run goes: its sequence, and the chain that it continues."""

    sequence: int
    head: Head


class Prepared:
    """A statement that is compiled once for a database. Its values are texts and numbers: no driver converts them."""

    def __init__(self, statement: Insert | Update, engine: Engine, names: Sequence[str] | None = None) -> None:
        compiled = statement.compile(dialect=engine.dialect, column_keys=names)
        self._sql = compiled.string
        self._order = compiled.positiontup

    def run(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
        """Execute the statement for each row, and return how many it changed. Raises the errors of SQLAlchemy."""
        order = self._order
        values = [dict(row) if order is None else tuple(map(row.__getitem__, order)) for row in rows]
        return connection.exec_driver_sql(self._sql, values if len(values) > 1 else values[0]).rowcount


class MessageLog:
    """Used by one thread. Remembers the next place of each run that it wrote to, and asks again when that fails.

    `key` returns the key that seals heads; it is asked for when the first message is written.
    """

    def __init__(self, engine: Engine, shown: str, key: Callable[[], SealingKey]) -> None:
        self._engine, self._shown, self._key = engine, shown, key
        self._next: dict[str, Place] = {}
        self._insert = Prepared(insert(messages), engine)
        self._begin = Prepared(insert(chains), engine, ["run", "start", "length", "head", "seal"])
        self._lengthen, self._seal = Prepared(_LENGTHEN, engine), Prepared(_SEAL, engine)

    def forget(self, run: str) -> None:
        """Look at what is stored of a run before the next message of it is numbered."""
        self._next.pop(run, None)

    def begin(
        self, connection: Connection, run: Mapping[str, Any], first: Draft, more: Sequence[Draft] = ()
    ) -> Message:
        """Insert the first messages of a run whose row the same transaction inserts; returns the very first as stored.

        Should that transaction fail, the next message of the run is refused by the table's keys, and looked at again.
        """
        start = start_of(run)
        message, row, place = first.placed(Place(0, Head(first.message.run, start, 0, start)))
        rows = [row]
        for draft in more:
            _, row, place = draft.placed(place)
            rows.append(row)
        self._insert.run(connection, rows)
        self._begin.run(connection, [self._row(place.head)])
        self._next[message.run] = place
        return message

    def seal_end(self, connection: Connection, run: str, status: str, answer: str | None, detail: str) -> None:
        """Seal how a run ended, in the transaction that records it."""
        place = self._next.get(run)
        if place is None or not self._end_sealed(connection, place.head, status, answer, detail):
            head = _head(connection, run)  # another process has written to the run
            if head is not None:
                self._end_sealed(connection, head, status, answer, detail)

    def _end_sealed(self, connection: Connection, head: Head, status: str, answer: str | None, detail: str) -> bool:
        """Seal the end of a run if its chain has this head; returns whether it has."""
        seal = self._key().seal_end(head, status, answer, detail)
        return self._seal.run(connection, [{"end_seal": seal, "of": head.run, "at": head.hash}]) == 1

    def commit(self, batch: list[Draft]) -> list[Message | Exception]:
        """Store those of a batch that are new; for the others the stored message is returned.

        First on the assumption that all are new and that no other process writes to these runs: then one insert is all.
        The table's keys refute it where it is wrong.
        """
        with translated(self._shown):
            look = any(draft.message.run not in self._next for draft in batch)
            for _ in range(_ATTEMPTS):
                try:
                    return self._write(batch, look)
                except IntegrityError:
                    look = True
                except BaseException:
                    self._next.clear()
                    raise
            raise StoreError(f"{self._shown}: other processes keep writing to the same runs; run them one at a time")

    def _write(self, batch: list[Draft], look: bool) -> list[Message | Exception]:
        results: dict[tuple[str, str], Message | Exception] = {}
        rows: list[dict[str, Any]] = []
        with self._engine.begin() as connection:
            if look:
                following = self._following(connection, {draft.message.run for draft in batch})
                results.update(_stored(connection, batch))
            else:
                following = {draft.message.run: self._next[draft.message.run] for draft in batch}
            longer: dict[str, Head] = {}
            for draft in batch:
                run = draft.message.run
                if (run, draft.message.id) in results:
                    continue
                if run not in following:
                    results[run, draft.message.id] = StoreError(f"{self._shown}: has no run {run}; start it first")
                    continue
                results[run, draft.message.id], row, following[run] = draft.placed(following[run])
                rows.append(row)
                longer[run] = following[run].head
            if rows:
                self._insert.run(connection, rows)
                self._lengthen.run(connection, [{**self._row(head), "of": run} for run, head in longer.items()])
        self._next.update(following)
        return [results[draft.message.run, draft.message.id] for draft in batch]

    def _row(self, head: Head) -> dict[str, Any]:
        return {
            "run": head.run, "start": head.start, "length": head.length, "head": head.hash,
            "seal": self._key().seal(head),
        }  # fmt: skip

    def _following(self, connection: Connection, ids: set[str]) -> dict[str, Place]:
        """Run → next place, for those of the runs that exist. A run without a chain gets one."""
        query = (
            select(runs.c.id, func.coalesce(func.max(messages.c.sequence) + 1, 0))
            .select_from(runs.outerjoin(messages, messages.c.run == runs.c.id))
            .where(runs.c.id.in_(ids))
            .group_by(runs.c.id)
        )
        found = connection.execute(query).all()
        return {run: Place(int(next), _head(connection, run) or self._adopted(connection, run)) for run, next in found}

    def _adopted(self, connection: Connection, run: str) -> Head:
        """Chain the messages that a run has from a version that kept no chain: from now on, a change is found."""
        row = connection.execute(select(runs).where(runs.c.id == run)).one()
        start = start_of(row._asdict())
        head = Head(run, start, 0, start)
        stored = select(messages.c.id, messages.c.wire).where(messages.c.run == run).order_by(messages.c.sequence)
        for id, wire in connection.execute(stored).all():
            head = head.with_message(linked(head.hash, wire))
            here = (messages.c.run == run) & (messages.c.id == id)
            connection.execute(update(messages).where(here).values(chain=head.hash))
        connection.execute(insert(chains), self._row(head))
        return head


def _head(connection: Connection, run: str) -> Head | None:
    row = connection.execute(select(chains).where(chains.c.run == run)).one_or_none()
    return None if row is None else Head(run, row.start, row.length, row.head)


def _stored(connection: Connection, batch: list[Draft]) -> dict[tuple[str, str], Message]:
    query = select(messages.c.wire).where(
        messages.c.run.in_({draft.message.run for draft in batch}),
        messages.c.id.in_({draft.message.id for draft in batch}),
    )
    found = [parse(wire) for wire in connection.scalars(query)]
    return {(message.run, message.id): message for message in found}
