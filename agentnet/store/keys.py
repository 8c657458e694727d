"""`Keys`: the keys of a served network's callers, and what each of them used on a day.

A key is ``an-ID-SECRET``. The store has its SHA-256 only: the secret has 192 random bits, which need no slow hash.
What a key used is counted from the messages of its runs, each once, however often a run is interrupted and resumed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from agentnet.contracts.serving import KeyLimits, KeyRecord, Scope
from agentnet.contracts.usage import Usage
from agentnet.errors import BadInput
from agentnet.store.database import Database
from agentnet.store.tables import key_usage, keys, messages, runs, utc

_KEY = re.compile(r"an-([0-9a-f]{8})-([0-9a-f]{48})")
_BY_ID = select(keys).where(keys.c.id == bindparam("of_id"))
_ANY = select(keys.c.id).limit(1)
_USED = select(key_usage).where(key_usage.c.key == bindparam("of_key"), key_usage.c.day == bindparam("of_day"))


@dataclass(frozen=True, slots=True)
class Used:
    """What a key used on a day: runs that ended, tokens of prompts and replies, cost."""

    runs: int = 0
    tokens: int = 0
    cost: float = 0.0


class Keys:
    """The keys of an open database. Every method may raise `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self,
        name: str,
        scopes: tuple[Scope, ...] = ("ask",),
        limits: KeyLimits | None = None,
        *,
        expires: datetime | None = None,
    ) -> tuple[str, KeyRecord]:
        """Make a key; returns it with its record. It is not stored, and cannot be shown again."""
        id = secrets.token_hex(4)
        key = f"an-{id}-{secrets.token_hex(24)}"
        record = KeyRecord(
            id=id,
            name=name,
            scopes=scopes,
            limits=limits or KeyLimits(),
            digest=_digest(key),
            created=datetime.now(UTC),
            expires=expires,
        )
        row = {
            "id": id,
            "name": name,
            "digest": record.digest,
            "created": utc(record.created),
            "expires": None if expires is None else utc(expires),
            "record": record.model_dump_json(exclude={"revoked"}),
        }
        await self._database.write(lambda connection: connection.execute(insert(keys), row))
        return key, record

    async def find(self, key: str) -> KeyRecord | None:
        """Return the record of a key, whether or not it is revoked or expired; None for what is no key of this store.

        It takes the same time wherever two keys differ.
        """
        parts = _KEY.fullmatch(key)
        if parts is None:
            return None
        record = await self.get(parts[1])
        same = hmac.compare_digest(_digest(key), "" if record is None else record.digest)
        return record if same else None

    async def get(self, id: str) -> KeyRecord | None:
        """Return the record of the key with an id."""
        found = await self._database.read(lambda connection: connection.execute(_BY_ID, {"of_id": id}).one_or_none())
        return None if found is None else _record(found)

    async def any(self) -> bool:
        """Return whether a key was ever made here, be it revoked or expired by now."""
        return await self._database.read(lambda connection: connection.execute(_ANY).one_or_none()) is not None

    async def all(self) -> list[KeyRecord]:
        """Return the records of all keys, the oldest first."""
        return [_record(row) for row in await self._database.rows(select(keys).order_by(keys.c.created, keys.c.id))]

    async def revoke(self, which: str) -> KeyRecord:
        """Revoke the key with an id or a name; returns its record. Raises `BadInput` for none, and for several."""
        named = [record for record in await self.all() if which in (record.id, record.name)]
        found = [record for record in named if record.revoked is None]
        if not found:
            why = "is revoked already" if named else "is none of this store"
            raise BadInput(f"key {which!r} {why}: `agentnet keys list --all` lists all keys")
        if len(found) > 1:
            raise BadInput(
                f"{len(found)} keys are called {which!r}: give the id of one ({', '.join(key.id for key in found)})"
            )
        now = datetime.now(UTC)
        change = update(keys).where(keys.c.id == found[0].id).values(revoked=utc(now))
        await self._database.write(lambda connection: connection.execute(change))
        return found[0].model_copy(update={"revoked": now})

    async def used(self, key: str, day: str) -> Used:
        """Return what a key used on a day (UTC, as ``2026-01-31``), as far as it was charged."""
        of = {"of_key": key, "of_day": day}
        found = await self._database.read(lambda connection: connection.execute(_USED, of).one_or_none())
        return Used() if found is None else Used(found.runs, found.tokens, found.cost)

    async def charge(self, run: str, day: str, lost: Usage | None = None) -> Used:
        """Count for its caller's key what a run used and was not charged before; returns that.

        It counts on `day` (UTC, as ``2026-01-31``), with what was `lost` in calls that were cut. A run without a
        caller, or that was forgotten, costs nothing.
        """

        def write(connection: Connection) -> Used:
            row = connection.execute(
                select(runs.c.caller, runs.c.charged_tokens, runs.c.charged_cost)
                .where(runs.c.id == run)
                .with_for_update()
            ).one_or_none()
            if row is None or not row.caller:
                return Used()
            tokens = func.sum(messages.c.prompt_tokens + messages.c.completion_tokens)
            sums = select(func.coalesce(tokens, 0), func.coalesce(func.sum(messages.c.cost), 0.0))
            total, cost = connection.execute(sums.where(messages.c.run == run)).one()
            first = row.charged_tokens is None
            cut = lost or Usage()
            more = Used(
                int(first),
                max(0, int(total) - (row.charged_tokens or 0)) + cut.tokens,
                max(0.0, float(cost) - (row.charged_cost or 0.0)) + cut.cost,
            )
            charged = {"charged_tokens": int(total), "charged_cost": float(cost)}
            connection.execute(update(runs).where(runs.c.id == run).values(**charged))
            _add(connection, row.caller, day, more)
            return more

        return await self._database.write(write)


def _add(connection: Connection, key: str, day: str, more: Used) -> None:
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    values: dict[str, Any] = {"runs": more.runs, "tokens": more.tokens, "cost": more.cost}
    new = insert(key_usage).values(key=key, day=day, **values)
    sums = {name: key_usage.c[name] + new.excluded[name] for name in values}
    connection.execute(new.on_conflict_do_update(index_elements=["key", "day"], set_=sums))


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _record(row: Row[Any]) -> KeyRecord:
    return KeyRecord.model_validate_json(json.dumps({**json.loads(row.record), "revoked": row.revoked}))
