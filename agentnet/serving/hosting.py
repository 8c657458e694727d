"""Running a network's gateway: the session, the surfaces, the hub where nodes join, and the server, together."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from starlette.applications import Starlette

from agentnet.contracts.nodes import HEARTBEAT_SECONDS, NodeEvent
from agentnet.errors import BadInput, StoreError
from agentnet.models.addresses import AddressPolicy, joined_near
from agentnet.network.roster import Roster
from agentnet.redaction import know
from agentnet.serving import api
from agentnet.serving.a2a.surface import a2a
from agentnet.serving.access.entrance import Gate, most_body
from agentnet.serving.access.quotas import Quotas
from agentnet.serving.access.sessions import Sessions
from agentnet.serving.app import application
from agentnet.serving.gateway import Gateway, Mounted
from agentnet.serving.hub import Hub
from agentnet.serving.mcp.mounting import mcp_surface
from agentnet.serving.monitoring.metrics import Metrics
from agentnet.serving.monitoring.surface import monitoring
from agentnet.serving.monitoring.tracing import Tracing, is_wanted
from agentnet.serving.node.client import TOKEN
from agentnet.serving.openai.surface import openai_surface
from agentnet.serving.page.surface import page
from agentnet.serving.process import Ending, base_url, is_loopback, listen, serving, url_of
from agentnet.serving.running import DRAIN_SECONDS, RunService
from agentnet.session import Session, open_session
from agentnet.settings import DEFAULTS, Settings
from agentnet.store.storage import open_storage

SHORTEST_TOKEN = 16
TOLD_SECONDS = 0.5
"""Seconds between two looks at what happened."""

SURFACES: tuple[Callable[[Gateway], Mounted], ...] = (
    openai_surface,
    api.surface,
    a2a,
    mcp_surface,
)
"""What a gateway serves beside its hub and its page: each makes its routes from what all of them stand on."""

Ready = Callable[[str, str, int, str], None]
"""Is told the server's URL, the network's name, how many members it has of its own, and who may use it."""


@dataclass(frozen=True, slots=True)
class HubSettings:
    """Where a hub listens, whom it lets in, and how long it believes a silent node (`lease`, in seconds)."""

    host: str
    port: int
    token: str
    policy: AddressPolicy
    lease: float
    names: tuple[str, ...] = ()
    """Names of the server beside its addresses, such as the one that a reverse proxy has."""
    origins: tuple[str, ...] = ()
    """Origins of pages that may use it."""
    drain: float = DRAIN_SECONDS
    """Seconds that runs have to finish when the server ends."""
    url: str | None = None
    """Base URL at which callers reach it, if it is another than where it listens."""

    @classmethod
    def of(
        cls,
        settings: Settings,
        *,
        host: str,
        port: int,
        lease: float,
        names: Sequence[str] = (),
        origins: Sequence[str] = (),
        drain: float = DRAIN_SECONDS,
        url: str | None = None,
    ) -> HubSettings:
        """Return the settings of a hub. Raises `BadInput` for a secret that is too short, and for a `url` that is none.

        The host of the `url` is a name of the server, too.

        Nodes may be on this machine only if the hub itself is there for this machine alone, or the owner says so.
        """
        token = os.environ.get(TOKEN, "")
        know(token)
        if token and len(token) < SHORTEST_TOKEN:
            raise BadInput(f"{TOKEN} has fewer than {SHORTEST_TOKEN} characters: choose a longer secret")
        near = settings.nodes.value
        if near == DEFAULTS["nodes"] and not is_loopback(host):
            near = ""
        url = None if url is None else base_url(url)
        named = [*names, *([] if url is None else [str(urlsplit(url).hostname)])]
        hosts = tuple(dict.fromkeys(name.lower() for name in named))
        return cls(host, port, token, joined_near(near), lease, hosts, tuple(origins), drain, url)


async def run_gateway(
    hub: HubSettings, settings: Settings, *, ready: Ready, told: Callable[[NodeEvent], None] | None = None
) -> None:
    """Serve a network until SIGTERM or Ctrl-C. `ready` is called once nodes can join, `told` for every change.

    Raises `BadInput`, and the errors of `open_session`.
    """
    listening = listen(hub.host, hub.port)
    with Ending() as ending, listening:
        async with AsyncExitStack() as opened:
            storage = await opened.enter_async_context(open_storage(settings))
            gate = Gate(
                storage.keys, local=is_loopback(hub.host), token=hub.token, hosts=hub.names, origins=hub.origins
            )
            access = await gate.check()
            session = await opened.enter_async_context(
                open_session(settings=settings, storage=storage, hosting=True, lease=hub.lease)
            )
            name, tracing = session.network.spec.name, None
            if is_wanted():
                tracing = await opened.enter_async_context(Tracing(name).running())
            made = composed(session, gate, hub, hub.url or url_of(listening), tracing)
            async with AsyncExitStack() as running, serving(made.app, listening), made.runs.running(hub.drain):
                for work in made.running:
                    await running.enter_async_context(work())
                telling = asyncio.create_task(_tell(session.roster, told)) if told is not None else None
                ready(url_of(listening), name, len(session.network), access)
                await ending.wanted.wait()
                for end in made.ending:
                    end()
                if telling is not None:
                    telling.cancel()
                    await asyncio.gather(telling, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class Composed:
    """The application of a gateway, and what has to run while it is served."""

    app: Starlette
    runs: RunService
    running: Sequence[Callable[[], AbstractAsyncContextManager[object]]]
    ending: Sequence[Callable[[], None]]
    """What is called once the server is to end."""


def composed(session: Session, gate: Gate, hub: HubSettings, url: str, tracing: Tracing | None = None) -> Composed:
    """Return the application of a session's gateway at a URL: its hub, its surfaces, and what measures them."""
    quotas = Quotas(session.keys)
    metrics = Metrics(quotas.places)
    watchers: list[Metrics | Tracing] = [metrics] if tracing is None else [tracing, metrics]
    runs = RunService(session, quotas, watching=[watcher.watching for watcher in watchers])
    gateway = Gateway(session, runs, url)
    heartbeat = min(HEARTBEAT_SECONDS, hub.lease / 3)
    joining = Hub(session.roster, network=gateway.network, policy=hub.policy, lease=hub.lease, heartbeat=heartbeat)
    home = Path(session.settings.home.value)
    sessions = Sessions.open(home, secure=urlsplit(url).scheme == "https")
    gate = replace(gate, sessions=sessions)
    mounted = [
        Mounted(joining.routes()),
        monitoring(gateway, metrics),
        *(surface(gateway) for surface in SURFACES),
        page(gate, sessions),
    ]
    routes = [route for part in mounted for route in part.routes]
    routes.append(api.document_route([operation for part in mounted for operation in part.operations]))
    app = application(
        routes,
        door=replace(gate, open_paths=frozenset(path for part in mounted for path in part.open_paths)),
        origins=hub.origins,
        most_body=most_body,
        around=[watcher.requests for watcher in watchers],
    )
    running = [work for part in mounted for work in part.running]
    return Composed(app, runs, running, [end for part in mounted for end in part.ending])


async def _tell(roster: Roster, told: Callable[[NodeEvent], None]) -> None:
    """Tell every change from now on, until cancelled."""
    await roster.refresh()
    after = roster.epoch
    while True:
        try:
            for event in await roster.events(after):
                told(event)
                after = event.sequence
        except StoreError:
            """The session says that the store is away."""
        await asyncio.sleep(TOLD_SECONDS)
