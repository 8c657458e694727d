"""A gate of a store of its own, and what it says to requests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.requests import HTTPConnection

from agentnet.contracts.serving import Caller
from agentnet.serving.access.entrance import Gate
from agentnet.serving.app import Problem
from agentnet.store import Database, Keys


@asynccontextmanager
async def gate(store: Path, **options: Any) -> AsyncIterator[Gate]:
    """The gate of a server, which listens on loopback unless told otherwise."""
    async with await Database.open(store) as database:
        yield Gate(Keys(database), **{"local": True, **options})


def asked(
    path: str = "/v1/models",
    key: str | None = None,
    *,
    host: str | None = "127.0.0.1:8080",
    client: str = "127.0.0.1",
    headers: Sequence[tuple[str, str]] = (),
) -> HTTPConnection:
    """A request as it arrives."""
    given = [
        *(() if host is None else [("host", host)]),
        *(() if key is None else [("authorization", f"Bearer {key}")]),
    ]
    raw = [(name.encode(), value.encode("latin-1")) for name, value in (*given, *headers)]
    return HTTPConnection({"type": "http", "path": path, "headers": raw, "client": (client, 50000)})


async def verdict(gate: Gate, connection: HTTPConnection) -> Caller | tuple[int, str]:
    """Return who was let in, or the status and the code of the refusal."""
    try:
        return await gate.admit(connection)
    except Problem as problem:
        return problem.status, problem.code
