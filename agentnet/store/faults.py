"""What a database or the file system raises, as a `StoreError` of one line: what, which file, what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from agentnet.errors import StoreError

_ELSEWHERE = "choose another place with --store or AGENTNET_STORE"
_ADVICE = (
    (("full", "no space", "quota"), "free some disk space and resume: what was recorded is safe"),
    (("readonly", "read-only", "permission", "unable to open", "is a directory", "not a directory"), _ELSEWHERE),
    (("not a database", "malformed"), f"it is damaged or something else: {_ELSEWHERE}"),
    (("locked", "busy", "deadlock", "lock timeout"), "another process holds it: try again when that is done"),
    (
        ("no module named 'psycopg", "import of psycopg"),
        "PostgreSQL needs its driver: pip install 'agentnet-ai[postgres]'",
    ),
    (("password", "authentication", "role "), "check the user and the password in the URL"),
    (
        ("connection", "server closed", "terminating"),
        "the database's server does not answer: start it, or check the URL",
    ),
    (("no module named", "can't load plugin"), "install the driver that the URL names, or give a file path"),
)


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise `StoreError` for every fault of storage inside; `what` names the file, such as ``store a.db``."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError, ImportError, OverflowError) as error:
        reason = _reason(error)
        lowered = reason.casefold()
        advice = next((advice for signs, advice in _ADVICE if any(sign in lowered for sign in signs)), None)
        raise StoreError(f"{what}: {reason}; {advice or 'check it, or ' + _ELSEWHERE}") from error


def _reason(error: Exception) -> str:
    inner = getattr(error, "orig", None) or error
    text = inner.strerror if isinstance(inner, OSError) and inner.strerror else str(inner)
    return text.strip().splitlines()[0] if text.strip() else type(inner).__name__
