"""`Store`: the memory of runs and messages, asynchronous in front, one writing thread behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Row, Table, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from agentnet.contracts.events import RunStatus
from agentnet.contracts.messages import Message, parse
from agentnet.contracts.runs import RunRecord
from agentnet.contracts.usage import Usage
from agentnet.errors import BadInput, StoreError
from agentnet.store.database import open_engine, translated
from agentnet.store.tables import MessageRow, RunAgentRow, RunRow

T = TypeVar("T")
Entry = Message | RunRecord
ATTEMPTS = 5
"""At a sequence that other processes compete for."""

_runs: Table = RunRow.__table__  # type: ignore[attr-defined]
_agents: Table = RunAgentRow.__table__  # type: ignore[attr-defined]
_messages: Table = MessageRow.__table__  # type: ignore[attr-defined]
_USAGE = ("calls", "prompt_tokens", "completion_tokens", "reused_tokens", "seconds", "cost")


class Store:
    """Opened with `Store.open`, closed with `close` or ``async with``.

    Every method may raise `StoreError`. Messages that are appended side by side, such as those of parallel branches,
    share one transaction.
    """

    def __init__(self, engine: Engine, where: str) -> None:
        self._engine, self._where = engine, where
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._waiting: list[tuple[Entry, asyncio.Future[Entry]]] = []
        self._next: dict[str, int] = {}
        """Run → the next sequence, as far as this process knows."""

    @classmethod
    async def open(cls, where: str | Path) -> Store:
        """Open or create a store: a file path, or any SQLAlchemy URL. Older schemas are upgraded, newer refused."""
        return cls(await asyncio.to_thread(open_engine, where), str(where))

    async def __aenter__(self) -> Store:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Finish what is being written, then close."""
        await asyncio.to_thread(self._thread.shutdown, wait=True)
        self._engine.dispose()

    async def start_run(self, record: RunRecord) -> None:
        """Remember a new run and its agents. Raises `BadInput` where its id is taken.

        Started side by side with the append of its first message, both are one transaction.
        """
        await self._write(record)

    async def finish_run(self, run: str, status: RunStatus, answer: str | None, detail: str) -> None:
        """Record how a run ended."""
        values = {"status": status, "answer": answer, "detail": detail, "updated": datetime.now(UTC).isoformat()}
        await self._do(lambda connection: connection.execute(update(_runs).where(_runs.c.id == run).values(values)))

    async def record(self, run: str) -> RunRecord:
        """What is known of a run. Raises `BadInput` where there is none of that id."""
        row = await self._do(lambda connection: connection.execute(select(_runs).where(_runs.c.id == run)).first())
        if row is None:
            raise BadInput(f"no run {run} in {self._where}: `agentnet runs` lists them")
        return _record(row)

    async def find_run(self, prefix: str) -> RunRecord:
        """The run whose id starts with `prefix`. Raises `BadInput` where there is none, or more than one."""
        query = select(_runs).where(_runs.c.id.startswith(prefix, autoescape=True)).order_by(_runs.c.created).limit(3)
        rows = await self._do(lambda connection: list(connection.execute(query)))
        exact = [row for row in rows if row.id == prefix]
        if len(found := exact or rows) == 1:
            return _record(found[0])
        if not rows:
            raise BadInput(f"no run starts with {prefix!r} in {self._where}: `agentnet runs` lists them")
        raise BadInput(f"several runs start with {prefix!r} ({', '.join(row.id for row in rows)} …): give more letters")

    async def runs(self, limit: int = 50) -> list[RunRecord]:
        """The latest runs, newest first."""
        query = select(_runs).order_by(_runs.c.created.desc()).limit(limit)
        return [_record(row) for row in await self._do(lambda connection: list(connection.execute(query)))]

    async def messages(self, run: str) -> list[Message]:
        """Everything that was said in a run, in the order in which it was recorded."""
        query = select(_messages.c.wire).where(_messages.c.run == run).order_by(_messages.c.sequence)
        return [parse(wire) for wire in await self._do(lambda connection: list(connection.scalars(query)))]

    async def usage(self, run: str) -> Usage:
        """What a run has consumed so far."""
        query = select(*(func.coalesce(func.sum(_messages.c[name]), 0) for name in _USAGE)).where(
            _messages.c.run == run
        )
        row = await self._do(lambda connection: connection.execute(query).one())
        return Usage(**dict(zip(_USAGE, row, strict=True)))

    async def append(self, message: Message) -> Message:
        """Record a message; returns when it is safe. The store gives it its sequence.

        A message whose id the run already has is not recorded again: the one that is stored is returned.
        """
        stored = await self._write(message)
        assert isinstance(stored, Message)
        return stored

    async def _write(self, entry: Entry) -> Entry:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Entry] = loop.create_future()
        self._waiting.append((entry, future))
        if len(self._waiting) == 1:
            loop.call_soon(self._flush)
        return await future

    def _flush(self) -> None:
        """Hand everything that waits to the writing thread, as one transaction."""
        batch, self._waiting = self._waiting, []
        work = asyncio.get_running_loop().run_in_executor(
            self._thread, self._write_batch, [entry for entry, _ in batch]
        )

        def settle(done: asyncio.Future[list[Entry | Exception]]) -> None:
            failure = done.exception()
            for place, (_, future) in enumerate(batch):
                result = failure or done.result()[place]
                if future.done():
                    continue
                if isinstance(result, BaseException):
                    future.set_exception(result)
                else:
                    future.set_result(result)

        work.add_done_callback(settle)

    def _write_batch(self, batch: list[Entry]) -> list[Entry | Exception]:
        """Write all entries at once; where one of them is known already, write each by itself."""
        with translated(self._where):
            try:
                with self._engine.begin() as connection:
                    written, ahead = self._insert(connection, batch)
            except IntegrityError:
                return [self._write_alone(entry) for entry in batch]
            self._next.update(ahead)
            return list(written)

    def _write_alone(self, entry: Entry) -> Entry | Exception:
        """Write one entry that may be stored already, or whose sequence another process may have taken."""
        for _ in range(ATTEMPTS):
            with self._engine.begin() as connection:
                stored = self._stored(connection, entry)
            if isinstance(stored, Message):
                return stored
            if stored is not None:
                return BadInput(f"there is a run {stored.id} already: show it, or resume it")
            self._next.pop(entry.run if isinstance(entry, Message) else entry.id, None)
            try:
                with self._engine.begin() as connection:
                    (written,), ahead = self._insert(connection, [entry])
            except IntegrityError:
                continue
            self._next.update(ahead)
            return written
        return StoreError(f"store {self._where}: other processes keep writing to the same run; stop them and try again")

    def _insert(self, connection: Connection, batch: list[Entry]) -> tuple[list[Entry], dict[str, int]]:
        """Insert new runs and number and insert new messages; also the next sequence of each run after that."""
        runs = [entry for entry in batch if isinstance(entry, RunRecord)]
        if runs:
            connection.execute(insert(_runs), [_run_values(run) for run in runs])
            connection.execute(insert(_agents), [values for run in runs for values in _agent_values(run)])
        ahead = {run.id: 0 for run in runs}
        written: list[Entry] = []
        for entry in batch:
            if isinstance(entry, Message):
                sequence = ahead[entry.run] if entry.run in ahead else self._next_sequence(connection, entry.run)
                ahead[entry.run] = sequence + 1
                entry = entry.model_copy(update={"sequence": sequence})
            written.append(entry)
        if rows := [_message_values(entry) for entry in written if isinstance(entry, Message)]:
            connection.execute(insert(_messages), rows)
        return written, ahead

    def _next_sequence(self, connection: Connection, run: str) -> int:
        if run not in self._next:
            query = select(func.count()).select_from(_messages).where(_messages.c.run == run)
            self._next[run] = int(connection.scalar(query) or 0)
        return self._next[run]

    def _stored(self, connection: Connection, entry: Entry) -> Entry | None:
        """What is stored under the entry's id, if anything is."""
        if isinstance(entry, RunRecord):
            row = connection.execute(select(_runs).where(_runs.c.id == entry.id)).first()
            return None if row is None else _record(row)
        known = (_messages.c.run == entry.run) & (_messages.c.id == entry.id)
        wire = connection.scalar(select(_messages.c.wire).where(known))
        return None if wire is None else parse(wire)

    async def _do(self, work: Callable[[Connection], T]) -> T:
        def carry_out() -> T:
            with translated(self._where), self._engine.begin() as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(self._thread, carry_out)


def _run_values(record: RunRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "created": record.created.isoformat(),
        "updated": record.updated.isoformat(),
        "status": record.status,
        "answer": record.answer,
        "detail": record.detail,
        "protocol": record.protocol_name,
        "task": record.task.text,
        "record": record.model_dump(mode="json", exclude={"status", "answer", "detail", "updated"}),
    }


def _agent_values(record: RunRecord) -> list[dict[str, Any]]:
    return [
        {
            "run": record.id,
            "name": agent.name,
            "model": agent.model.model_dump_json(exclude_defaults=True),
            "pack": agent.pack,
            "card": agent.card.model_dump(mode="json"),
        }
        for agent in record.network.agents
    ]


def _record(row: Row[Any]) -> RunRecord:
    changing = {"status": row.status, "answer": row.answer, "detail": row.detail, "updated": row.updated}
    return RunRecord.model_validate_json(json.dumps({**row.record, **changing}))


def _message_values(message: Message) -> dict[str, Any]:
    usage = message.usage
    return {
        "run": message.run,
        "id": message.id,
        "sequence": message.sequence,
        "sender": message.sender,
        "node": message.node,
        "round": message.round,
        "kind": message.body.kind,
        "time": message.time.isoformat(),
        **{name: getattr(usage, name) for name in _USAGE},
        "wire": message.model_dump_json(),
    }
