"""SQLAlchemy's engine on a database: where that is, how SQLite is set, and which schema it has."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, func, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import StaticPool

from agentnet.errors import StoreError, StoreTooNew
from agentnet.files.private import private_file
from agentnet.store.faults import translated
from agentnet.store.migrations import KNOWN, NEWEST, upgrade

BUSY_SECONDS = 30
LOG_PAGES = 128
"""Pages after which the write-ahead log is folded into the file: it stays at about half a mebibyte."""

PRAGMAS: Mapping[str, str | int] = {
    "busy_timeout": BUSY_SECONDS * 1000,
    "synchronous": "NORMAL",
    "foreign_keys": "ON",
    "wal_autocheckpoint": LOG_PAGES,
}
POSTGRES = ("postgresql", "postgres")
"""Beginnings of URLs that name no driver."""
POSTGRES_DRIVER = "psycopg"
_UPGRADING = 5_410_193
"""Of the lock on PostgreSQL that lets one process at a time make the tables; any number that is no other program's."""
_READS = "agentnet_reads"


def open_engine(where: str | Path, pragmas: Mapping[str, str | int] | None = None) -> Engine:
    """Return an engine on a database, brought to the newest schema. `where` is a file path or any SQLAlchemy URL.

    `pragmas` are settings for SQLite beside `PRAGMAS`. Transactions on SQLite take the write lock at their start, so
    that they wait for another process instead of failing half way; those of `for_reading(engine)` do not.
    Raises `StoreTooNew` for a schema of a newer version, `StoreError` for everything else that goes wrong.
    """
    url = locate(where)
    shown = describe(url)
    with translated(shown):
        sqlite = url.get_backend_name() == "sqlite"
        if sqlite and url.database in (None, "", ":memory:"):
            engine = create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})
        else:
            if sqlite and not str(url.database).startswith("file:"):
                private_file(Path(str(url.database)))  # SQLite gives its other files the same mode
            engine = create_engine(url, pool_pre_ping=not sqlite)  # a server may have been restarted meanwhile
        if sqlite:
            _configure_sqlite(engine, {**PRAGMAS, **(pragmas or {})})
        elif url.get_driver_name() == POSTGRES_DRIVER:
            event.listen(engine, "connect", _accept_any_text)
        try:
            _bring_up_to_date(engine, shown)
        except BaseException:
            engine.dispose()
            raise
    return engine


def locate(where: str | Path) -> URL:
    """Return the URL of a store: as given, or that of a SQLite file. Raises `StoreError` for neither.

    PostgreSQL is reached by psycopg, unless the URL names another driver.
    """
    if "://" not in str(where):
        path = str(where) if str(where) == ":memory:" else str(Path(where).expanduser())
        return URL.create("sqlite", database=path)
    try:
        url = make_url(str(where))
    except (ArgumentError, ValueError) as error:
        raise StoreError(f"store {where}: is neither a file path nor a database URL") from error
    return url.set(drivername=f"postgresql+{POSTGRES_DRIVER}") if url.drivername in POSTGRES else url


def describe(url: URL) -> str:
    """Return what messages call a store: its file, or its URL without the password."""
    if url.get_backend_name() == "sqlite":
        return f"store {url.database or ':memory:'}"
    return f"store {url.render_as_string(hide_password=True)}"


def is_missing(url: URL) -> bool:
    """Return whether a store is a SQLite file that does not exist."""
    named = str(url.database or "")
    if url.get_backend_name() != "sqlite" or named in ("", ":memory:") or named.startswith("file:"):
        return False
    return not Path(named).exists()


def for_reading(engine: Engine) -> Engine:
    """Return the same engine, for transactions that only read."""
    return engine.execution_options(**{_READS: True})


def _configure_sqlite(engine: Engine, pragmas: Mapping[str, str | int]) -> None:
    def connect(connection: Any, _: object) -> None:
        connection.isolation_level = None  # BEGIN is ours, below
        for name, value in pragmas.items():
            connection.execute(f"PRAGMA {name}={value}")
        use_write_ahead_log(connection)

    def begin(connection: Connection) -> None:
        reads = connection.get_execution_options().get(_READS, False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    event.listen(engine, "connect", connect)
    event.listen(engine, "begin", begin)


def use_write_ahead_log(connection: Any) -> None:
    """Turn on the write-ahead log: readers never wait, and a commit survives the death of the process.

    SQLite's own waiting does not cover this change: of several processes that open a new file at once, all but one may
    find it locked for a moment.
    """
    for wait in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, None):
        try:
            connection.execute("PRAGMA journal_mode=WAL").fetchone()
            return
        except Exception as error:
            if wait is None or "locked" not in str(error):
                raise
            time.sleep(wait)


def wipe(connection: Any) -> None:
    """Rewrite a SQLite database from the rows that it has: deleted ones leave its pages and its write-ahead log."""
    connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def _accept_any_text(connection: Any, _: object) -> None:
    """Let texts with the character NUL be written, which PostgreSQL has none of: it becomes U+FFFD."""
    from psycopg.types.string import StrDumper

    class Dumper(StrDumper):
        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\0", "\N{REPLACEMENT CHARACTER}"))

    connection.adapters.register_dumper(str, Dumper)


def _bring_up_to_date(engine: Engine, shown: str) -> None:
    try:
        with for_reading(engine).begin() as connection:
            revision = _revision(connection)
    except DBAPIError:
        revision = None  # no such table, most often: looked into below
    if revision == NEWEST:
        return
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_UPGRADING)))
        tables = set(inspect(connection).get_table_names())
        revision = _revision(connection) if "alembic_version" in tables else None
        if revision is not None and revision not in KNOWN:
            raise StoreTooNew(
                f"{shown}: was written by a newer version (schema {revision}, this one reads up to {NEWEST}): "
                "update agentnet-ai, or use another store"
            )
        if revision is None and tables - {"alembic_version"} and engine.dialect.name == "sqlite":
            raise StoreError(f"{shown}: holds other tables ({', '.join(sorted(tables))}): choose another file")
        if revision != NEWEST:
            upgrade(connection)


def _revision(connection: Connection) -> str | None:
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)
