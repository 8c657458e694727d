"""`Requests`: which runs a request with an idempotency key started, so that the same request again starts no others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import IntegrityError

from agentnet.store.database import Database
from agentnet.store.tables import requests, utc

KEPT = timedelta(days=1)
"""How long a request is remembered."""


class Requests:
    """The requests of an open database. Every method may raise `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reserve(self, caller: str, key: str, digest: str, runs: Sequence[str]) -> tuple[str, ...] | None:
        """Return the ids of a request's runs: `runs`, or those that were reserved for it before.

        None where the caller's `key` stands for a request with another digest. Several processes may ask at once: all
        get the same ids.
        """
        mine = (requests.c.caller == caller) & (requests.c.key == key)
        known = select(requests.c.digest, requests.c.runs).where(mine)

        def write(connection: Connection) -> tuple[str, tuple[str, ...]]:
            now = datetime.now(UTC)
            connection.execute(delete(requests).where(requests.c.created < utc(now - KEPT)))
            row = connection.execute(known).one_or_none()
            if row is not None:
                return row.digest, tuple(json.loads(row.runs))
            data = {"caller": caller, "key": key, "digest": digest, "created": utc(now), "runs": json.dumps([*runs])}
            try:
                with connection.begin_nested():
                    connection.execute(insert(requests), data)
            except IntegrityError:  # another process was first
                row = connection.execute(known).one()
                return row.digest, tuple(json.loads(row.runs))
            return digest, tuple(runs)

        stored, ids = await self._database.write(write)
        return ids if stored == digest else None
