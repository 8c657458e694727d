"""A whole gateway, with all its surfaces, on a network of scripted members."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from agentnet.models.addresses import joined_near
from agentnet.network.roster import Roster
from agentnet.serving.access.entrance import Gate
from agentnet.serving.hosting import Composed, HubSettings, composed
from agentnet.serving.monitoring.tracing import Tracing
from agentnet.serving.process import listen, serving, url_of
from agentnet.session import Session
from agentnet.settings import resolve
from agentnet.store.nodes import Nodes
from agentnet.store.storage import open_storage
from tests.scripted import agent, network, says

SECRET = "a secret of the network"


@dataclass(frozen=True)
class Running:
    url: str
    made: Composed
    session: Session


@asynccontextmanager
async def running(
    folder: Path,
    *,
    store: str = "store.db",
    token: str = "",
    origins: tuple[str, ...] = (),
    tracing: Tracing | None = None,
) -> AsyncIterator[Running]:
    """Serve a gateway on a free port of loopback."""
    async with AsyncExitStack() as stack:
        settings = resolve(store=str(folder / store), home=str(folder / "home"))
        storage = await stack.enter_async_context(open_storage(settings))
        members = network(agent("one", says("it is => 2")), agent("two", says("I say => 2")))
        roster = Roster(Nodes(storage.database, "test"), lease=15, hosting=True, own=lambda: ("one", "two"))
        session = Session(members, settings=settings, storage=storage, roster=roster)
        stack.push_async_callback(session.close)
        listening = listen("127.0.0.1", 0)
        url = url_of(listening)
        hub = HubSettings("127.0.0.1", 0, token, joined_near("127.0.0.0/8"), 15.0, (), origins)
        gate = Gate(storage.keys, local=True, token=token, origins=origins)
        made = composed(session, gate, hub, url, tracing)
        await stack.enter_async_context(serving(made.app, listening))
        yield Running(url, made, session)
