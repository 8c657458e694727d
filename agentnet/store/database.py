"""Opening the database: engine settings, schema version, and errors in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from agentnet.errors import StoreError, StoreTooNew
from agentnet.store.migrations import KNOWN, NEWEST, upgrade

BUSY_SECONDS = 30


def open_engine(where: str | Path) -> Engine:
    """An engine on a database whose schema is the newest. `where` is a file path or any SQLAlchemy URL.

    Raises `StoreTooNew` for a schema of a newer version, `StoreError` for everything else that goes wrong.
    """
    url = str(where) if "://" in str(where) else f"sqlite:///{where}"
    with translated(str(where)):
        try:
            parsed = make_url(url)
        except ArgumentError as error:
            raise StoreError(f"store {where}: is neither a file path nor a database URL ({error})") from error
        is_file = parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:")
        if is_file:
            Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(parsed)
        if parsed.get_backend_name() == "sqlite":
            event.listen(engine, "connect", _configure_sqlite)
        with engine.begin() as connection:
            _migrate(connection, str(where))
    return engine


def _configure_sqlite(connection: object, _: object) -> None:
    """Write-ahead log: readers never wait, and a commit survives the death of the process."""
    cursor = connection.cursor()  # type: ignore[attr-defined]
    cursor.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _migrate(connection: Connection, where: str) -> None:
    revision = _revision(connection)
    if revision == NEWEST:
        return
    if revision is not None and revision not in KNOWN:
        raise StoreTooNew(
            f"store {where}: was written by a newer version (schema {revision}, this one knows {NEWEST}); "
            f"update agentnet-ai or use another store"
        )
    upgrade(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Turn what a database or the file system raises into a `StoreError` of one line that says what to do."""
    try:
        yield
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise StoreError(f"store {where}: {reason}; {_advice(reason)}") from error
    except OSError as error:
        raise StoreError(f"store {where}: {error.strerror}; {_advice(str(error))}") from error


def _advice(reason: str) -> str:
    lowered = reason.casefold()
    if "full" in lowered or "no space" in lowered:
        return "free some disk space and resume the run: what was recorded is safe"
    if "readonly" in lowered or "read-only" in lowered or "permission" in lowered or "unable to open" in lowered:
        return "choose a place that can be written with --store or AGENTNET_STORE"
    if "not a database" in lowered:
        return "choose another file with --store or AGENTNET_STORE"
    if "locked" in lowered:
        return "another process holds it; try again when it is done"
    return "check the database, or choose another with --store or AGENTNET_STORE"
