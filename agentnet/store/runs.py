"""`Runs`: what a database remembers of runs, of the messages in them, and of what they used."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, overload

from sqlalchemy import Connection, Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from agentnet.contracts.events import RunStatus
from agentnet.contracts.limits import Limits
from agentnet.contracts.messages import Message, parse
from agentnet.contracts.network import RECORDED, AgentSpec
from agentnet.contracts.runs import OVER, RunRecord
from agentnet.contracts.usage import Usage
from agentnet.errors import BadInput, ResumeError, StoreError
from agentnet.redaction import redacted, without_known, without_known_in, without_secrets
from agentnet.store.audit import Audit, examined
from agentnet.store.database import Database
from agentnet.store.listing import Place, RunFilter, counted, listed
from agentnet.store.message_log import USAGE, Draft
from agentnet.store.owner import Owner, this_process
from agentnet.store.tables import chains, messages, run_agents, runs, utc

_ENDING = ("status", "answer", "detail", "updated")
"""The fields of a `RunRecord` that say how far it is."""
_CHANGING = (*_ENDING, "outcome")
"""The fields of a `RunRecord` that change: they are columns only, not in the record's JSON."""
_AT_ONCE = 1000
"""Ids in one query; databases limit the number of parameters."""


class Runs:
    """The runs of an open database. Every method may raise `StoreError`.

    A running run has an owner: the process that started or resumed it. Once that process is dead, every reader finds
    the run ``interrupted``, and the first one writes it down. A running run without an owner is interrupted too: it was
    started by a version that recorded none, and its process is not known. The state of a process on another host cannot
    be known here; such a run stays ``running`` until it ends or is claimed.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._unrecorded: dict[str, dict[str, Any]] = {}
        """Run → how it ended, where that could not be written. Every look at the run tries again."""

    @overload
    async def start_run(self, record: RunRecord, first: None = None) -> None: ...
    @overload
    async def start_run(self, record: RunRecord, first: Message, more: Sequence[Message] = ()) -> Message: ...
    async def start_run(
        self, record: RunRecord, first: Message | None = None, more: Sequence[Message] = ()
    ) -> Message | None:
        """Remember a new run, the agents of its network and, in the same transaction, its `first` message and `more`.

        The process becomes the run's owner. Returns the first message as stored. Raises `BadInput` where the id is
        taken.
        """
        row = _run_row(record)
        agents = [_agent_row(record.id, agent) for agent in record.network.agents]
        draft = None if first is None else Draft.of(first)
        behind = [Draft.of(message) for message in more]

        def write(connection: Connection) -> Message | None:
            self._database.log.forget(record.id)
            try:
                connection.execute(insert(runs), row)
            except IntegrityError as error:
                raise BadInput(f"there is a run {record.id} already: show it, or resume it") from error
            connection.execute(insert(run_agents), agents)
            return None if draft is None else self._database.log.begin(connection, row, draft, behind)

        return await self._database.write(write)

    async def claim(self, run: str, limits: Limits | None = None) -> None:
        """Make this process the owner of a run that it resumes, and the run running; `limits` replace its own.

        Raises `ResumeError` for a run that is over, and for one that another process of this host is working on. A
        run of another host can be claimed: if its owner should be alive after all, turns are taken twice and stored
        once. Raises `BadInput` where there is no run of that id.
        """
        columns = _status_columns("running")
        if limits is not None:
            columns["limits"] = limits.model_dump(mode="json")
        change = update(runs).where(runs.c.id == run).values(columns)
        self._unrecorded.pop(run, None)

        def write(connection: Connection) -> None:
            known = select(runs.c.status, runs.c.owner).where(runs.c.id == run).with_for_update()
            row = connection.execute(known).one_or_none()
            if row is None:
                raise self._no_run(run)
            if row.status in OVER:
                raise ResumeError(f"run {run} is over ({row.status}): show it, or start a new one")
            owner = None if row.owner is None else Owner.parse(row.owner)
            if owner not in (None, this_process()) and row.status == "running" and owner.state() == "alive":
                raise ResumeError(
                    f"run {run} is being worked on by {owner.describe()}: wait until it ends, or end that process"
                )
            connection.execute(change)
            connection.execute(update(chains).where(chains.c.run == run).values(end_seal=None))
            self._database.log.forget(run)

        await self._database.write(write)

    async def finish_run(self, run: str, status: RunStatus, answer: str | None, detail: str = "") -> None:
        """Record how a run ended. Raises `BadInput` where there is none of that id.

        Where that cannot be written (`StoreError`), this object remembers it, reads the run as ended, and writes it as
        soon as it can.
        """
        answer = None if answer is None else without_known(answer)
        self._unrecorded[run] = {**_status_columns(status), "answer": answer, "detail": redacted(detail)}
        await self._record_end(run)

    async def set_outcome(self, run: str, right: bool) -> None:
        """Record whether the answer of a run was right, as a user says. Raises `BadInput` where there is none."""

        def write(connection: Connection) -> None:
            if connection.execute(update(runs).where(runs.c.id == run).values(outcome=right)).rowcount == 0:
                raise self._no_run(run)

        await self._database.write(write)

    async def _record_end(self, run: str) -> None:
        change = self._unrecorded[run]

        def write(connection: Connection) -> None:
            if connection.execute(update(runs).where(runs.c.id == run).values(change)).rowcount == 0:
                raise self._no_run(run)
            self._database.log.seal_end(connection, run, change["status"], change["answer"], change["detail"])
            self._database.log.forget(run)

        try:
            await self._database.write(write)
        except StoreError:
            raise
        except BaseException:
            self._unrecorded.pop(run, None)
            raise
        self._unrecorded.pop(run, None)

    async def forget(self, run: str) -> int:
        """Remove a run with its agents and messages; returns how many messages. `Database.compact` makes it final.

        Raises `ResumeError` for a run that a process works on, or may work on, and `BadInput` where there is none.
        """

        def write(connection: Connection) -> int:
            row = connection.execute(select(runs.c.status, runs.c.owner).where(runs.c.id == run)).one_or_none()
            if row is None:
                raise self._no_run(run)
            if (
                row.status == "running"
                and row.owner is not None
                and (owner := Owner.parse(row.owner)).state() != "dead"
            ):
                raise ResumeError(
                    f"run {run} is being worked on by {owner.describe()}: wait until it ends, or end that process"
                )
            found = connection.execute(delete(messages).where(messages.c.run == run)).rowcount
            for table in (run_agents, chains):
                connection.execute(delete(table).where(table.c.run == run))
            connection.execute(delete(runs).where(runs.c.id == run))
            self._database.log.forget(run)
            return found

        self._unrecorded.pop(run, None)
        return await self._database.write(write)

    async def record(self, run: str) -> RunRecord:
        """Return what is known of a run. Raises `BadInput` where there is none of that id."""
        if not (rows := await self._database.rows(select(runs).where(runs.c.id == run))):
            raise self._no_run(run)
        return (await self._records(rows))[0]

    async def find(self, prefix: str) -> RunRecord:
        """Return the one run whose id starts with `prefix`. Raises `BadInput` for none, or several."""
        return (await self._records([await self._database.find_by_prefix(runs, prefix, "run", "runs")]))[0]

    async def latest(self, limit: int = 50) -> list[RunRecord]:
        """Return the latest runs, newest first."""
        query = select(runs).order_by(runs.c.created.desc(), runs.c.id).limit(limit)
        return await self._records(await self._database.rows(query))

    async def cut(self, network: str | None) -> list[RunRecord]:
        """Return the detached runs of served callers that were interrupted, oldest first, of a network's source."""
        query = select(runs).where(runs.c.caller.is_not(None) & runs.c.status.in_(("running", "interrupted")))
        records = await self._records(await self._database.rows(query.order_by(runs.c.created, runs.c.id)))
        return [
            record
            for record in records
            if record.status == "interrupted"
            and record.network_source == network
            and record.served is not None
            and record.served.detached
        ]

    async def listed(self, wanted: RunFilter, *, behind: Place | None = None, limit: int = 50) -> list[RunRecord]:
        """Return the wanted runs, those that changed last first, at most `limit` of them, `behind` a place."""
        return await self._records(await self._database.rows(listed(wanted, behind, limit)))

    async def settle(self) -> None:
        """Write down the ends of runs that were not, and of those whose process died: statuses are true then.

        Where that cannot be written now, statuses are what was written last.
        """
        query = select(runs.c.owner).where(runs.c.status == "running").distinct()
        dead = [row.owner for row in await self._database.rows(query) if _is_dead(row.owner)]
        with suppress(StoreError):
            for run in tuple(self._unrecorded):
                await self._record_end(run)
            if dead:
                await self._database.write(lambda connection: _interrupt(connection, dead))

    async def forks(self, run: str) -> list[str]:
        """Return the ids of the runs that have copies of a run's messages: its forks, and their forks."""
        found: list[str] = []
        parents = [run]
        while parents:
            query = select(runs.c.id).where(runs.c.forked_from.in_(parents[:_AT_ONCE])).order_by(runs.c.created)
            children = [row.id for row in await self._database.rows(query)]
            found += children
            parents = parents[_AT_ONCE:] + children
        return found

    async def count(self, wanted: RunFilter) -> int:
        """Return how many wanted runs there are."""
        (row,) = await self._database.rows(counted(wanted))
        return int(row[0])

    async def said(self, ids: Sequence[str], kind: str) -> list[Message]:
        """Return the messages of a kind that some runs have, those of each run in their order."""
        found: list[Message] = []
        for start in range(0, len(ids), _AT_ONCE):
            these = messages.c.run.in_(ids[start : start + _AT_ONCE]) & (messages.c.kind == kind)
            query = select(messages.c.wire).where(these).order_by(messages.c.run, messages.c.sequence)
            found += [parse(row.wire) for row in await self._database.rows(query)]
        return found

    async def over(self, ids: Sequence[str]) -> list[str]:
        """Return those of some ids whose runs ended for good: they are never resumed."""
        found: list[str] = []
        for start in range(0, len(ids), _AT_ONCE):
            these = runs.c.id.in_(ids[start : start + _AT_ONCE]) & runs.c.status.in_(OVER)
            found += [row.id for row in await self._database.rows(select(runs.c.id).where(these))]
        return found

    async def append(self, message: Message) -> Message:
        """Record a message; returns it as stored, once it is committed, with the sequence that the store gives it.

        A message whose id the run already has is not recorded again: the one that is stored is returned.
        """
        return await self._database.append(Draft.of(message))

    async def verify(self, run: str) -> Audit:
        """Return whether the messages and the result of a run are those that were recorded.

        Raises `BadInput` where there is none of that id.
        """

        def read(connection: Connection) -> Audit:
            row = connection.execute(select(runs).where(runs.c.id == run)).one_or_none()
            if row is None:
                raise self._no_run(run)
            chain = connection.execute(select(chains).where(chains.c.run == run)).one_or_none()
            stored = connection.execute(select(messages).where(messages.c.run == run).order_by(messages.c.sequence))
            return examined(
                row._asdict(),
                [one._asdict() for one in stored],
                None if chain is None else chain._asdict(),
                self._database.present_key(),
            )

        return await self._database.read(read)

    async def messages(self, run: str, after: int = -1) -> list[Message]:
        """Return the messages of a run behind sequence `after`, in their order; none for an unknown run."""
        mine = (messages.c.run == run) & (messages.c.sequence > after)
        query = select(messages.c.wire).where(mine).order_by(messages.c.sequence)
        return [parse(row.wire) for row in await self._database.rows(query)]

    async def message(self, run: str, id: str) -> Message | None:
        """Return one message of a run, if it is stored."""
        rows = await self._database.rows(select(messages.c.wire).where(messages.c.run == run, messages.c.id == id))
        return parse(rows[0].wire) if rows else None

    async def usage(self, run: str) -> Usage:
        """Return what a run has consumed so far: the sum over its messages."""
        sums = (func.coalesce(func.sum(messages.c[name]), 0).label(name) for name in USAGE)
        (row,) = await self._database.rows(select(*sums).where(messages.c.run == run))
        return _usage(row)

    async def usages(self, ids: Sequence[str]) -> dict[str, Usage]:
        """Return run → what it has consumed so far, for some ids of one query."""
        sums = (func.sum(messages.c[name]).label(name) for name in USAGE)
        query = select(messages.c.run, *sums).where(messages.c.run.in_(ids)).group_by(messages.c.run)
        found = {row.run: row for row in await self._database.rows(query)}
        return {id: _usage(found[id]) if id in found else Usage() for id in ids}

    async def _records(self, rows: Iterable[Row[Any]]) -> list[RunRecord]:
        """Return the records of rows, with the runs among them whose owner is gone as interrupted."""
        rows = list(rows)
        owners = {row.owner for row in rows if row.status == "running"}
        dead = {owner for owner in owners if _is_dead(owner)}
        found = []
        for row in rows:
            if (end := self._unrecorded.get(row.id)) is not None:
                found.append(_record(row, **{name: end[name] for name in _ENDING}))
                with suppress(StoreError):
                    await self._record_end(row.id)
                continue
            gone = row.status == "running" and row.owner in dead
            found.append(_record(row, status="interrupted" if gone else row.status))
        if dead:
            with suppress(StoreError):  # a store that cannot be written now can be read all the same
                await self._database.write(lambda connection: _interrupt(connection, dead))
        return found

    def _no_run(self, run: str) -> BadInput:
        return BadInput(f"no run {run} in {self._database.name}: `agentnet runs` lists them")


def _interrupt(connection: Connection, owners: Iterable[str | None]) -> None:
    """Write down that the runs of some processes were interrupted, but for those that others have claimed meanwhile."""
    for owner in owners:
        theirs = (runs.c.status == "running") & runs.c.owner.is_not_distinct_from(owner)
        connection.execute(update(runs).where(theirs).values(status="interrupted", owner=None))


def _is_dead(owner: str | None) -> bool:
    """Return whether the process that works on a running run is gone, or none is known."""
    return owner is None or Owner.parse(owner).state() == "dead"


def _status_columns(status: RunStatus) -> dict[str, Any]:
    """Return the columns that change with the status: a run has an owner only while it is running."""
    owner = str(this_process()) if status == "running" else None
    return {"status": status, "owner": owner, "updated": utc(datetime.now(UTC))}


def _run_row(record: RunRecord) -> dict[str, Any]:
    data, served = record.model_dump(mode="json", exclude=set(_CHANGING)), record.served
    return {
        **_status_columns(record.status),
        "id": record.id,
        "created": utc(record.created),
        "updated": utc(record.updated),
        "answer": record.answer,
        "detail": record.detail,
        "outcome": record.outcome,
        "forked_from": None if record.forked_from is None else record.forked_from.run,
        "caller": None if served is None else served.caller,
        "surface": None if served is None else served.surface,
        "context": None if served is None else served.context,
        "protocol": record.protocol_name,
        "task": without_known(record.task.text).replace("\0", "\N{REPLACEMENT CHARACTER}"),
        "record": without_known_in({**data, "network": without_secrets(data["network"])}),
    }


def _agent_row(run: str, agent: AgentSpec) -> dict[str, Any]:
    return {
        "run": run,
        "name": agent.name,
        "model": json.dumps(without_secrets(agent.model.model_dump(mode="json", exclude_defaults=True))),
        "pack": agent.pack,
        "card": agent.card.model_dump(mode="json"),
    }


def _usage(row: Row[Any]) -> Usage:
    return Usage(**{name: type(getattr(Usage(), name))(getattr(row, name)) for name in USAGE})


def _record(row: Row[Any], **changed: Any) -> RunRecord:
    changing = {name: getattr(row, name) for name in _CHANGING} | changed
    if row.limits is not None:
        changing["limits"] = row.limits
    return RunRecord.model_validate_json(json.dumps({**row.record, **changing}), context=RECORDED)
