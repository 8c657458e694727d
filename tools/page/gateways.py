"""A whole gateway on loopback in a thread of its own, so that this one can drive a browser meanwhile."""

from __future__ import annotations

import asyncio
import os
import random
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agentnet.agents import ModelAgent
from agentnet.contracts.cards import Card
from agentnet.models.addresses import joined_near
from agentnet.models.base import Chunk, Request
from agentnet.models.scripted import ScriptedModel
from agentnet.network import Network
from agentnet.network.roster import Roster
from agentnet.profiles.opening import measuring
from agentnet.prompts import find_pack
from agentnet.serving.access.entrance import Gate
from agentnet.serving.hosting import Composed, HubSettings, composed
from agentnet.serving.process import listen, serving, url_of
from agentnet.session import Session, open_session
from agentnet.settings import Settings, resolve
from agentnet.store.nodes import Nodes
from agentnet.store.storage import Storage, open_storage

T = TypeVar("T")
DELAY = "AGENTNET_PAGE_DELAY"
"""Environment variable: seconds. The page must be right whatever arrives first, and so must its tests."""
MOST_DELAYED = 40
"""Parts of an answer that are held back, so that a long stream ends at all."""


@dataclass(frozen=True)
class Served:
    """A gateway that is served at a URL by another thread."""

    url: str
    made: Composed
    session: Session
    loop: asyncio.AbstractEventLoop

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Let the gateway's thread do something, and return what comes of it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def run(self, question: str, protocol: Any = None, **options: Any) -> str:
        """Let the network answer a question to the end, outside the API, and return the run's id."""
        return self.call(self.session.run(question, protocol, **options)).run


class Held:
    """Holds what waits for it until `let_go` is called."""

    def __init__(self) -> None:
        self._free = threading.Event()
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
        self._lock = threading.Lock()

    async def wait(self) -> None:
        event = asyncio.Event()
        with self._lock:
            if self._free.is_set():
                return
            self._waiting.append((asyncio.get_running_loop(), event))
        await event.wait()

    def let_go(self) -> None:
        with self._lock:
            self._free.set()
            for loop, event in self._waiting:
                loop.call_soon_threadsafe(event.set)
            self._waiting.clear()


class Typist(ScriptedModel):
    """A scripted model that writes word by word. Before the word `stop` it waits until `held` is let go."""

    def __init__(self, script: Any, *, held: Held | None = None, stop: str = "", pause: float = 0.0) -> None:
        super().__init__(script)
        self._held, self._stop, self._pause = held, stop, pause

    async def stream(self, request: Request) -> AsyncIterator[Chunk]:
        completion = await self.generate(request)
        for piece in completion.text.replace(" ", " \0").split("\0"):
            if self._held is not None and piece.strip() == self._stop:
                await self._held.wait()
            await asyncio.sleep(self._pause)
            yield Chunk(piece)
        yield Chunk("", completion)


def typist(
    name: str,
    script: Any,
    *,
    roles: tuple[str, ...] = ("solver",),
    held: Held | None = None,
    stop: str = "",
    pause: float = 0.0,
) -> ModelAgent:
    """A member that writes word by word."""
    return ModelAgent(name, Typist(script, held=held, stop=stop, pause=pause), Card(roles=roles), find_pack("compact"))


@contextmanager
def served(folder: Path, members: Network | Path | str = "zoo", *, port: int = 0) -> Iterator[Served]:
    """Serve a network with a store in `folder`: scripted members, a network file, or a shipped network's name.

    A second gateway with the same folder and port is the first one after a restart.
    """
    loop = asyncio.new_event_loop()
    started = threading.Event()
    failure: list[BaseException] = []
    found: list[Served] = []
    ending = asyncio.Event()

    async def work() -> None:
        async with _gateway(folder, members, port) as (url, made, session):
            found.append(Served(url, made, session, loop))
            started.set()
            await ending.wait()

    def thread() -> None:
        try:
            loop.run_until_complete(work())
        except BaseException as error:
            failure.append(error)
        finally:
            started.set()

    running = threading.Thread(target=thread, name="gateway", daemon=True)
    running.start()
    started.wait(60)
    if failure:
        raise failure[0]
    try:
        yield found[0]
    finally:
        loop.call_soon_threadsafe(ending.set)
        running.join(30)
        loop.close()
        if failure:
            raise failure[0]


def _delayed(app: ASGIApp) -> ASGIApp:
    """Hold back the first parts of each answer for a random time each, where `DELAY` says for how long at most."""
    most = float(os.environ.get(DELAY, "0"))

    async def late(scope: Scope, receive: Receive, send: Send) -> None:
        delays = iter([random.uniform(0, most) for _ in range(MOST_DELAYED)])

        async def sent(message: Message) -> None:
            await asyncio.sleep(next(delays, 0))
            await send(message)

        await app(scope, receive, sent)

    return late if most > 0 else app


@asynccontextmanager
async def _gateway(
    folder: Path, members: Network | Path | str, port: int
) -> AsyncIterator[tuple[str, Composed, Session]]:
    async with AsyncExitStack() as stack:
        settings = resolve(store=str(folder / "store.db"), home=str(folder / "home"))
        storage = await stack.enter_async_context(open_storage(settings))
        if isinstance(members, Network):
            session = await _scripted(members, settings, storage, stack)
        else:
            session = await stack.enter_async_context(
                open_session(str(members), settings=settings, storage=storage, hosting=True, lease=15)
            )
        listening = listen("127.0.0.1", port)
        url = url_of(listening)
        hub = HubSettings("127.0.0.1", 0, "", joined_near("127.0.0.0/8"), 15.0)
        made = composed(session, Gate(storage.keys, local=True), hub, url)
        await stack.enter_async_context(serving(_delayed(made.app), listening))
        await stack.enter_async_context(made.runs.running(0))
        for running in made.running:
            await stack.enter_async_context(running())
        yield url, made, session


async def _scripted(members: Network, settings: Settings, storage: Storage, stack: AsyncExitStack) -> Session:
    names = tuple(members.agents)
    roster = Roster(Nodes(storage.database, "scripted"), lease=15, hosting=True, own=lambda: names)
    work = measuring(members, members.spec, Path(), storage.profiles, roster=roster)
    measured = await stack.enter_async_context(work)
    session = Session(members, settings=settings, storage=storage, roster=roster, measured=measured)
    stack.push_async_callback(session.close)
    return session
