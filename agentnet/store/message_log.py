"""`MessageLog`: numbers messages within their run and inserts them, those of many runs in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select
from sqlalchemy.exc import IntegrityError

from agentnet.contracts.messages import Message, parse
from agentnet.contracts.usage import Usage
from agentnet.errors import StoreError
from agentnet.store.faults import translated
from agentnet.store.tables import messages, runs, utc

USAGE = tuple(Usage.model_fields)
_INSERT = insert(messages)
_ATTEMPTS = 20
_LARGEST_INTEGER = 2**63 - 1


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
            wire = message.model_dump_json(exclude={"sequence"})
            row["kind"].encode()
        except ValueError as error:
            raise StoreError(f"message {message.id} of {message.sender!r} cannot be stored: {error}") from error
        if max(value for value in row.values() if type(value) is int) > _LARGEST_INTEGER:
            raise StoreError(f"message {message.id} of {message.sender!r} cannot be stored: a number is too large")
        return cls(message, row, wire)

    def numbered(self, sequence: int) -> tuple[Message, dict[str, Any]]:
        """The message with its place in the run, and its row."""
        wire = f'{{"sequence":{sequence},{self.wire[1:]}'
        return self.message.model_copy(update={"sequence": sequence}), {**self.row, "sequence": sequence, "wire": wire}


class MessageLog:
    """Used by one thread. Remembers the next sequence of each run that it wrote to, and asks again when that fails."""

    def __init__(self, engine: Engine, shown: str) -> None:
        self._engine, self._shown = engine, shown
        self._next: dict[str, int] = {}

    def forget(self, run: str) -> None:
        """Look at what is stored of a run before the next message of it is numbered."""
        self._next.pop(run, None)

    def begin(self, connection: Connection, first: Draft) -> Message:
        """Insert the first message of a run that the same transaction adds; returns it as stored.

        Should that transaction fail, the next message of the run is refused by the table's keys, and looked at again.
        """
        message, row = first.numbered(0)
        connection.execute(_INSERT, row)
        self._next[message.run] = 1
        return message

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
                following = _following(connection, {draft.message.run for draft in batch})
                results.update(_stored(connection, batch))
            else:
                following = {draft.message.run: self._next[draft.message.run] for draft in batch}
            for draft in batch:
                run = draft.message.run
                if (run, draft.message.id) in results:
                    continue
                if run not in following:
                    results[run, draft.message.id] = StoreError(f"{self._shown}: has no run {run}; start it first")
                    continue
                results[run, draft.message.id], row = draft.numbered(following[run])
                rows.append(row)
                following[run] += 1
            if rows:
                connection.execute(_INSERT, rows)
        self._next.update(following)
        return [results[draft.message.run, draft.message.id] for draft in batch]


def _following(connection: Connection, ids: set[str]) -> dict[str, int]:
    """Run → next sequence, for those of the runs that exist."""
    query = (
        select(runs.c.id, func.coalesce(func.max(messages.c.sequence) + 1, 0))
        .select_from(runs.outerjoin(messages, messages.c.run == runs.c.id))
        .where(runs.c.id.in_(ids))
        .group_by(runs.c.id)
    )
    return {run: int(following) for run, following in connection.execute(query)}


def _stored(connection: Connection, batch: list[Draft]) -> dict[tuple[str, str], Message]:
    query = select(messages.c.wire).where(
        messages.c.run.in_({draft.message.run for draft in batch}),
        messages.c.id.in_({draft.message.id for draft in batch}),
    )
    found = [parse(wire) for wire in connection.scalars(query)]
    return {(message.run, message.id): message for message in found}
