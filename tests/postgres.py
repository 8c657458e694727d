"""A real PostgreSQL server for tests: in a temporary folder, on a free port, and run as no administrator."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg

REQUIRED = "AGENTNET_TEST_POSTGRES"
"""The variable that makes a missing server a failure: `make test-postgres` sets it."""
HOW = "no PostgreSQL server is installed (Debian: apt-get install postgresql)"
INSTALLED = ("/usr/lib/postgresql", "/usr/local/pgsql", "/opt/homebrew/opt")
WAIT_SECONDS = 60


@dataclass
class Server:
    """A running server. Everyone on this machine may connect as ``agentnet``."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes]
    _numbers: Iterator[int] = field(default_factory=count)

    def url(self, database: str = "postgres") -> str:
        """Return the URL of a database."""
        return f"postgresql://agentnet@127.0.0.1:{self.port}/{database}"

    def new(self) -> str:
        """Make an empty database, and return its URL."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def execute(self, statement: str) -> None:
        """Execute a statement as the administrator of all databases."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement.encode())


def programs() -> Path | None:
    """Return the folder with ``initdb`` and ``postgres``; None where there is none."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    folders = [path.parent for root in INSTALLED for path in Path(root).glob("*/bin/initdb")]
    return max(folders, default=None)


@contextmanager
def running() -> Iterator[Server]:
    """Start a server, and end it with everything in it. `programs` must have found one."""
    binaries = programs()
    assert binaries is not None, HOW
    user = None if os.geteuid() else _other_user()
    folder = Path(tempfile.mkdtemp(prefix="agentnet-postgres-"))
    try:
        if user is not None:
            shutil.chown(folder, user)
        data = folder / "data"
        made = [binaries / "initdb", "-D", data, "-U", "agentnet", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(made, check=True, capture_output=True, user=user, cwd=folder)
        port = _free_port()
        started = [binaries / "postgres", "-D", data, "-k", folder, "-h", "127.0.0.1", "-p", str(port), "-F"]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(started, stdout=log, stderr=log, user=user, cwd=folder)
        server = Server(port, folder, process)
        try:
            _wait(server)
            yield server
        finally:
            process.terminate()
            process.wait(timeout=WAIT_SECONDS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _other_user() -> str:
    """Return a user that is not root: PostgreSQL refuses to run as root."""
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def _wait(server: Server) -> None:
    for _ in range(WAIT_SECONDS * 10):
        try:
            server.execute("SELECT 1")
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"PostgreSQL did not start: {(server.folder / 'log').read_text(errors='replace')[-2000:]}")
