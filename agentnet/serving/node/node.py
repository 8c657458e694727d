"""The node: a process that serves the models of its own network file to a network that it joined."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import ValidationError

from agentnet.contracts.base import first_problem
from agentnet.contracts.joining import PROOF_PATH, Registered
from agentnet.contracts.network import NetworkSpec
from agentnet.contracts.nodes import NodeCard
from agentnet.errors import BadInput
from agentnet.network import Registry
from agentnet.redaction import know
from agentnet.serving.app import Door, application
from agentnet.serving.keys import NodeKey
from agentnet.serving.node.admission import MOST_INSIDE, Admission
from agentnet.serving.node.api import NodeApi
from agentnet.serving.node.client import HubClient
from agentnet.serving.node.members import chosen, free_cells, served
from agentnet.serving.node.membership import Membership, Say
from agentnet.serving.process import Ending, base_url, is_loopback, listen, serving, url_of

ACCESS = "AGENTNET_NODE_TOKEN"
"""The variable that holds the secret which callers of the node send; made at random where it is needed and not set."""
DRAIN_SECONDS = 60.0
"""Seconds that requests may take to end once the node leaves."""


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """How a node joins: where, as what, with which members, and at which address others reach it."""

    hub: str
    name: str
    key: Path
    only: tuple[str, ...] = ()
    """The members that it offers; all if empty."""
    host: str = "127.0.0.1"
    port: int = 0
    url: str | None = None
    """The base URL at which others reach it; None: where it listens."""
    token: str = ""
    """The network's secret."""
    most: int = MOST_INSIDE
    drain: float = DRAIN_SECONDS


@dataclass(frozen=True, slots=True)
class Joined:
    """A node that takes part."""

    card: NodeCard
    registered: Registered


async def run_node(
    spec: NetworkSpec, base: Path, settings: NodeSettings, *, say: Say, ready: Callable[[Joined], None]
) -> None:
    """Serve members of a network file to a hub's network, until SIGTERM, Ctrl-C, or the network's wish.

    Then the node drains: it takes nothing new, finishes what it has, and leaves. A second signal ends it at once.
    `ready` is called once it takes part. Raises `BadInput`, `ModelError`, `NodeError`.
    """
    spec, key = chosen(spec, settings.only), NodeKey.open(settings.key)
    listening = listen(settings.host, settings.port)
    with Ending() as ending, contextlib.closing(listening):
        url = _reached_at(settings, listening)
        async with Registry.open(spec, base) as registry:
            members = await asyncio.to_thread(served, registry.snapshot(), base)
            admission = Admission(
                {name: member.slots for name, member in members.items()},
                most=settings.most,
                free_cells=lambda: free_cells(members.values()),
            )
            api = NodeApi(settings.name, key, members, admission)
            access = _access(settings, url)
            card = _card(settings, key, url, access, api)
            app = application(api.routes(), door=Door(access, {PROOF_PATH}))
            async with serving(app, listening), HubClient(settings.hub, key, token=settings.token) as client:
                membership = Membership(client, card, admission.load, say)
                ready(Joined(card, await membership.join()))
                await _until_end(membership, ending)
                await _drained(membership, admission, settings.drain, say)


async def _until_end(membership: Membership, ending: Ending) -> None:
    """Wait for a signal, or for the network's wish that the node leaves. Raises what `Membership.keep` raises."""
    keeping, wanted = asyncio.create_task(membership.keep()), asyncio.create_task(ending.wanted.wait())
    try:
        await asyncio.wait({keeping, wanted}, return_when=asyncio.FIRST_COMPLETED)
        if keeping.done():
            keeping.result()
    finally:
        for task in (keeping, wanted):
            task.cancel()
        await asyncio.gather(keeping, wanted, return_exceptions=True)


async def _drained(membership: Membership, admission: Admission, seconds: float, say: Say) -> None:
    """Finish what the node has, and leave."""
    admission.close()
    if admission.inside:
        await membership.drain()
        say(f"finishing {admission.inside} requests")
        keeping = asyncio.create_task(membership.keep(draining=True))
        try:
            async with asyncio.timeout(seconds):
                await admission.emptied()
        except TimeoutError:
            say(f"{admission.inside} requests took longer than {seconds:g} s, and are cut off")
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
    await membership.leave()
    say("left")


def node_name(network: str) -> str:
    """Return the name of a node that is given none: this machine's, and that of its own network."""
    own = re.sub(r"[^a-z0-9]+", "-", f"{socket.gethostname().partition('.')[0]}-{network}".lower()).strip("-")
    return f"node-{own}"[:63] if not own[:1].isalpha() else own[:63]


def _reached_at(settings: NodeSettings, listening: socket.socket) -> str:
    if settings.url is not None:
        return base_url(settings.url)
    if settings.host in ("0.0.0.0", "::"):
        raise BadInput(f"at {settings.host} the hub cannot guess the address: say with --url how it reaches this node")
    return url_of(listening)


def _access(settings: NodeSettings, url: str) -> str:
    """Return the secret that callers send: the owner's, or a random one where others than this machine may come."""
    given = os.environ.get(ACCESS, "")
    if given or (is_loopback(settings.host) and is_loopback(urlsplit(url).hostname or "")):
        know(given)
        return given
    return know(secrets.token_urlsafe(24))[0]


def _card(settings: NodeSettings, key: NodeKey, url: str, access: str, api: NodeApi) -> NodeCard:
    offers = tuple(member.offer for member in api.members.values())
    try:
        return NodeCard(name=settings.name, key=key.public, url=url, offers=offers, access=access)
    except ValidationError as error:
        raise BadInput(f"the node's {first_problem(error)}") from None
