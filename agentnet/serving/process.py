"""Running an application on a socket of this process, until it is told to end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from ipaddress import ip_address
from urllib.parse import urlsplit

import uvicorn
from starlette.types import ASGIApp

from agentnet.errors import BadInput
from agentnet.serving.connection import Connection

logging.getLogger("uvicorn").addHandler(logging.NullHandler())  # what it has to say is no news to who runs a command

MOST_CONNECTIONS = 4096
TOGETHER_SECONDS = 0.5
"""Seconds within which two signals are one."""
CLOSING_SECONDS = 5.0
"""Seconds that connections may take to end once the server ends."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens at an address; port 0 takes a free one. Raises `BadInput`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=1024)
        # Connections inherit it. Without it each small piece of a stream waits for the client's delayed confirmation of
        # the one before: asyncio sets it for sockets whose protocol is named only, which those of `create_server` lack.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise BadInput(f"cannot listen at {host}, port {port} ({why}): choose another with --port or --host") from error


def url_of(listening: socket.socket) -> str:
    """Return the URL at which a socket listens."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def base_url(text: str) -> str:
    """Return the base URL that an owner gives, without a slash or ``/v1`` at its end. Raises `BadInput`."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise BadInput(f"{text!r} is no base URL: write --url https://agents.example.org")
    return text.rstrip("/").removesuffix("/v1")


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
            http=Connection,
            lifespan="off",
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
    """The wish that this process ends: SIGTERM or Ctrl-C. A second one ends what is inside the context at once.

    Signals that come together are one: a shell sends Ctrl-C, and some supervisors SIGTERM, to a process and its group.
    """

    def __init__(self) -> None:
        self.wanted = asyncio.Event()
        self.at_once = False
        """Whether it was said twice."""
        self._task = asyncio.current_task()
        self._since = 0.0

    def __enter__(self) -> Ending:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C is a KeyboardInterrupt there
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self.wish)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(NotImplementedError):
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
        if not (self.at_once and isinstance(error, asyncio.CancelledError) and self._task is not None):
            return False
        self._task.uncancel()
        return True

    def wish(self) -> None:
        """Note a signal."""
        now = time.monotonic()
        if not self.wanted.is_set():
            self._since = now
            self.wanted.set()
        elif now - self._since > TOGETHER_SECONDS and not self.at_once and self._task is not None:
            self.at_once = True
            self._task.cancel()
