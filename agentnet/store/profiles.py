"""`Profiles`: what a database remembers of members: what was measured, on which evidence, and their standing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection, Table, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from agentnet.contracts.profiles import Observation, Profile, Seat, Source, StandingEvent
from agentnet.redaction import without_known
from agentnet.store.database import Database
from agentnet.store.tables import asked_questions, known_questions, observations, profiles, standing_events, utc

EMPTY = ""
"""The record of a seat whose profile is being made."""


class Bookkeeping(Protocol):
    """How observations change profiles. Its methods are called within a transaction, and may be called again."""

    def add(self, profile: Profile | None, observation: Observation) -> tuple[Profile, Sequence[StandingEvent]]:
        """Return what a profile (None: there is none yet) becomes by one observation more."""
        ...

    def take_back(self, profile: Profile, observation: Observation) -> Profile:
        """Return a profile without an observation that was added to it."""
        ...


class Profiles:
    """The profiles of an open database. Every method may raise `StoreError`.

    Several processes may record observations of one seat: each change reads the profile within its own transaction.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._read: dict[str, Profile] = {}
        """The profiles of the last reading by their records, so that only those that changed are parsed again."""

    async def all(self) -> list[Profile]:
        """Return every profile, in the order of members, nodes and digests."""
        query = select(profiles.c.record).order_by(profiles.c.member, profiles.c.node, profiles.c.digest)
        records = [row.record for row in await self._database.rows(query)]
        self._read = {record: self._read.get(record) or Profile.model_validate_json(record) for record in records}
        return list(self._read.values())

    async def record(
        self, found: Sequence[Observation], books: Bookkeeping, *, instead_of: str = ""
    ) -> tuple[list[Profile], list[StandingEvent]]:
        """Add observations in one transaction, and return the profiles that they change and the changes of standing.

        Observations of traffic change profiles and are not kept themselves. The outcomes that were reported earlier for
        the run `instead_of` are taken back.
        """

        def write(connection: Connection) -> tuple[list[Profile], list[StandingEvent]]:
            changed: dict[tuple[str, str, str], Profile] = {}
            events: list[StandingEvent] = []
            for observation in _taken_back(connection, instead_of) if instead_of else ():
                seat = observation.seat
                if (before := changed.get(_key(seat)) or _locked(connection, seat)) is not None:
                    changed[_key(seat)] = books.take_back(before, observation)
            for observation in found:
                seat = observation.seat
                changed[_key(seat)], made = books.add(
                    changed.get(_key(seat)) or _entered(connection, seat), observation
                )
                events += made
            rows = [_row(observation) for observation in found if observation.source != "traffic"]
            if rows:
                connection.execute(insert(observations), rows)
            for profile in changed.values():
                _save(connection, profile)
            _keep(connection, events)
            return list(changed.values()), events

        return await self._database.write(write)

    async def change(self, seat: Seat, changed: Callable[[Profile], tuple[Profile, StandingEvent]]) -> Profile | None:
        """Change the profile of a seat by the owner's word, and return it; None where there is none."""

        def write(connection: Connection) -> Profile | None:
            before = _locked(connection, seat)
            if before is None:
                return None
            profile, event = changed(before)
            _save(connection, profile)
            _keep(connection, [event])
            return profile

        return await self._database.write(write)

    async def observations(self, seat: Seat, *, latest: int | None = None) -> list[Observation]:
        """Return what is kept of a seat, in the order of recording; at most so many of the `latest`."""
        query = select(observations.c.record).where(*_of(observations, seat)).order_by(observations.c.id.desc())
        rows = await self._database.rows(query.limit(latest))
        return [Observation.model_validate_json(row.record) for row in reversed(rows)]

    async def events(self, limit: int = 100, *, seat: Seat | None = None) -> list[StandingEvent]:
        """Return the latest changes of standing, oldest first; those of one `seat`, if it is given."""
        query = select(standing_events.c.record).order_by(standing_events.c.id.desc()).limit(limit)
        if seat is not None:
            query = query.where(*_of(standing_events, seat))
        return [StandingEvent.model_validate_json(row.record) for row in reversed(await self._database.rows(query))]

    async def answers(self, source: Source, limit: int) -> list[Observation]:
        """Return the latest graded answers of one source, of all seats, oldest first."""
        query = select(observations.c.record).where(observations.c.source == source)
        rows = await self._database.rows(query.order_by(observations.c.id.desc()).limit(limit))
        found = [Observation.model_validate_json(row.record) for row in reversed(rows)]
        return [observation for observation in found if observation.right is not None]

    async def reserve(self, seat: Seat, question: str) -> bool:
        """Note that a member gets to know a question, and return whether it did not know it before.

        A question is known to a member of a node under every digest: whoever runs it can remember it.
        """
        row = {"node": seat.node, "member": seat.member, "question": question}

        def write(connection: Connection) -> bool:
            try:
                with connection.begin_nested():
                    connection.execute(insert(asked_questions), row)
            except IntegrityError:
                return False
            return True

        return await self._database.write(write)

    async def asked(self, seat: Seat) -> frozenset[str]:
        """Return the digests of the questions that a member knows."""
        mine = (asked_questions.c.node == seat.node) & (asked_questions.c.member == seat.member)
        rows = await self._database.rows(select(asked_questions.c.question).where(mine))
        return frozenset(row.question for row in rows)

    async def add_question(self, question: str, *, run: str, label: str | None, text: str, answer: str) -> None:
        """Keep a question whose right answer is known. One that is kept already is replaced."""
        row = {
            "question": question,
            "run": run,
            "label": label,
            "text": without_known(text),
            "answer": without_known(answer),
        }

        def write(connection: Connection) -> None:
            connection.execute(delete(known_questions).where(known_questions.c.question == question))
            connection.execute(insert(known_questions), row)

        await self._database.write(write)

    async def drop_question(self, run: str) -> None:
        """Forget the question of a run, if it is kept."""

        def write(connection: Connection) -> None:
            connection.execute(delete(known_questions).where(known_questions.c.run == run))

        await self._database.write(write)

    async def questions(self) -> list[tuple[str, str | None, str, str]]:
        """Return the kept questions: digest, label, text and answer of each."""
        columns = (known_questions.c[name] for name in ("question", "label", "text", "answer"))
        rows = await self._database.rows(select(*columns).order_by(known_questions.c.question))
        return [(row.question, row.label, row.text, row.answer) for row in rows]


def _taken_back(connection: Connection, run: str) -> list[Observation]:
    """Remove the outcomes that were reported for a run, and return them."""
    mine = (observations.c.run == run) & (observations.c.source == "outcome")
    rows = connection.execute(select(observations.c.record).where(mine).order_by(observations.c.id)).all()
    connection.execute(delete(observations).where(mine))
    return [Observation.model_validate_json(row.record) for row in rows]


def _locked(connection: Connection, seat: Seat) -> Profile | None:
    """Return the profile of a seat, which no other transaction changes before this one ends; None if there is none."""
    query = select(profiles.c.record).where(*_of(profiles, seat)).with_for_update()
    row = connection.execute(query).one_or_none()
    return None if row is None or row.record == EMPTY else Profile.model_validate_json(row.record)


def _entered(connection: Connection, seat: Seat) -> Profile | None:
    """Return what `_locked` returns. A seat without a profile gets an empty row, so that there is one to lock."""
    row = {**_columns(seat), "standing": "probation", "updated": "", "record": EMPTY}
    if connection.execute(select(profiles.c.member).where(*_of(profiles, seat))).one_or_none() is None:
        with suppress(IntegrityError), connection.begin_nested():
            connection.execute(insert(profiles), row)
    return _locked(connection, seat)


def _save(connection: Connection, profile: Profile) -> None:
    values = {"standing": profile.standing, "updated": utc(profile.updated), "record": profile.model_dump_json()}
    connection.execute(update(profiles).where(*_of(profiles, profile.seat)).values(values))


def _keep(connection: Connection, events: Iterable[StandingEvent]) -> None:
    rows = [
        {**_columns(event.seat), "time": utc(event.time), "record": without_known(event.model_dump_json())}
        for event in events
    ]
    if rows:
        connection.execute(insert(standing_events), rows)


def _row(observation: Observation) -> dict[str, Any]:
    return {
        **_columns(observation.seat),
        "source": observation.source,
        "run": observation.run,
        "time": utc(observation.time),
        "record": without_known(observation.model_dump_json()),
    }


def _columns(seat: Seat) -> dict[str, str]:
    return {"node": seat.node, "member": seat.member, "digest": seat.digest}


def _key(seat: Seat) -> tuple[str, str, str]:
    return seat.node, seat.member, seat.digest


def _of(table: Table, seat: Seat) -> tuple[ColumnElement[bool], ...]:
    return tuple(table.c[name] == value for name, value in _columns(seat).items())
