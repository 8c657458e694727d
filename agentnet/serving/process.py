"""Running an application on a socket of this process, until it is told to end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from ipaddress import ip_address

import uvicorn
from starlette.types import ASGIApp

from agentnet.errors import BadInput

MOST_CONNECTIONS = 4096
CLOSING_SECONDS = 5.0
"""Seconds that connections may take to end once the server ends."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens at an address; port 0 takes a free one. Raises `BadInput`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise BadInput(f"cannot listen at {host}, port {port} ({why}): choose another with --port or --host") from error


def url_of(listening: socket.socket) -> str:
    """Return the URL at which a socket listens."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine as seen from itself alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Server(uvicorn.Server):
    """A server that leaves signals to its owner."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(app: ASGIApp, listening: socket.socket) -> AsyncIterator[None]:
    """Serve an application while the context lasts, and close the socket at its end."""
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=int(CLOSING_SECONDS),
            ws_per_message_deflate=False,
        )
    )
    work = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        while not server.started and not work.done():
            await asyncio.sleep(0.005)
        if work.done():
            await work
            raise BadInput("the server could not start; see its log")
        yield
    finally:
        server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await work
        listening.close()


class Ending:
    """The wish that this process ends: SIGTERM or Ctrl-C. A second one cancels whatever still waits."""

    def __init__(self) -> None:
        self.wanted = asyncio.Event()
        self._task = asyncio.current_task()

    def __enter__(self) -> Ending:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C is a KeyboardInterrupt there
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self._signalled)
        return self

    def __exit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(NotImplementedError):
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    def _signalled(self) -> None:
        if self.wanted.is_set() and self._task is not None:
            self._task.cancel()
        self.wanted.set()
