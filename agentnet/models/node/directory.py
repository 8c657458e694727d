"""`Directory`: where the members of nodes are served, and which node a request goes to.

The roster tells it all nodes whenever something changes (`update`), models ask it for an endpoint (`choose`). It counts
the requests of this process itself, since heartbeats are seconds old.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from agentnet.contracts.nodes import PRESENT, NodeRecord, Offer
from agentnet.models.node.choice import Expected, choose
from agentnet.models.node.prefixes import Prefixes, Prompt

FIRST_SERVICE = 1.0
"""Seconds of a request, before any was measured."""
FIRST_PREFILL = 500.0
"""Tokens of a prompt in a second, for a node that does not say."""
TIERS = 3
"""Active nodes, suspect ones, and those that failed since their last heartbeat."""
SMOOTHING = 0.1
"""Weight of the latest request in the mean of their seconds."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One node that serves a member, as of the latest update."""

    key: str
    """The node's public key."""
    node: str
    """The node's name."""
    url: str
    """Base URL of its OpenAI-compatible API, without ``/v1``."""
    offer: Offer
    access: str = field(repr=False)
    """What callers send as Bearer token; empty where there is no need to."""
    lease: str
    """Changes when the node's process starts again."""


@dataclass(eq=False, slots=True)
class _Node:
    """A node, with what this process knows of it beside its record."""

    record: NodeRecord
    mine: int = 0
    """Requests of this process that it has now."""
    mine_then: int = 0
    """The same, at its last heartbeat."""
    failed: bool = False
    """It failed since its last heartbeat: it is asked last."""
    lost: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, record: NodeRecord) -> None:
        if record.heard != self.record.heard:
            self.mine_then, self.failed = self.mine, False
        self.record = record

    @property
    def tier(self) -> int:
        """The place among the tiers: nodes of a lower one are asked before others."""
        return 2 if self.failed else int(self.record.state != "active")

    @property
    def ahead(self) -> float:
        load = self.record.load
        others = max(0, load.running + load.queued - self.mine_then)
        return others + self.mine


@dataclass(eq=False, slots=True)
class _Replicas:
    """The nodes that serve one member, with what this process knows of them together."""

    offers: dict[str, Offer] = field(default_factory=dict)
    """By the keys of their nodes."""
    tiers: tuple[list[str], ...] = ()
    """Their keys: those that are asked first, and those that are asked only where no other is left."""
    service: float = FIRST_SERVICE
    """Mean seconds of a request that did not wait."""
    prefixes: Prefixes = field(default_factory=Prefixes)


class Directory:
    """The nodes of a network by the members that they serve. Belongs to one event loop; `update` is called in it."""

    def __init__(self, *, seed: int | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Make an empty directory. `seed` makes its choices repeatable; `clock` gives seconds."""
        self._draw = random.Random(seed)
        self._clock = clock
        self._nodes: dict[str, _Node] = {}
        self._replicas: dict[tuple[str, str], _Replicas] = {}
        """By member and digest."""

    def update(self, nodes: Iterable[NodeRecord]) -> None:
        """Replace what is known by the records of all nodes. Nodes that are no longer present are lost: requests that
        wait for them fail at once (see `lost`). A node that is draining keeps its requests and gets no new ones."""
        records = {record.key: record for record in nodes if record.state in PRESENT or record.state == "draining"}
        for key, known in list(self._nodes.items()):
            record = records.get(key)
            if record is None or record.lease != known.record.lease:
                known.lost.set()
                del self._nodes[key]
                for replicas in self._replicas.values():
                    replicas.prefixes.forget(key)
        for replicas in self._replicas.values():
            replicas.offers = {}
        for key, record in records.items():
            self._nodes.setdefault(key, _Node(record)).hear(record)
            for offer in record.offers if record.state in PRESENT else ():
                self._replicas.setdefault((offer.name, offer.digest), _Replicas()).offers[key] = offer
        for member, replicas in list(self._replicas.items()):
            if replicas.offers:
                self._sort(replicas)
            else:
                del self._replicas[member]

    def endpoints(self, member: str, digest: str) -> tuple[Endpoint, ...]:
        """Return the nodes that serve a member now, those that are asked first before the others."""
        replicas = self._replicas.get((member, digest), _Replicas())
        return tuple(self._endpoint(key, replicas.offers[key]) for tier in replicas.tiers for key in tier)

    def choose(self, member: str, digest: str, prompt: Prompt, *, avoid: Collection[str] = ()) -> Endpoint | None:
        """Return the node to ask; None where no node serves the member, apart from those with the keys of `avoid`.

        Nodes that are suspect are asked where no other is left, and those that failed since their last heartbeat after
        them.
        """
        replicas = self._replicas.get((member, digest), _Replicas())

        def expected(key: str) -> Expected:
            node = self._nodes[key]
            load = node.record.load
            return Expected(
                ahead=node.ahead,
                slots=load.slots,
                service=replicas.service,
                unread=prompt.tokens - replicas.prefixes.held(key, prompt),
                prefill=load.prefill_per_second or FIRST_PREFILL,
            )

        for number, tier in enumerate(replicas.tiers):
            able = [key for key in tier if key not in avoid] if avoid else tier
            if able:
                holders = replicas.prefixes.holders(prompt)
                holding = [key for key in holders if self._nodes[key].tier == number and key not in avoid]
                key = choose([key for key in holding if key in replicas.offers], able, expected, self._draw)
                return self._endpoint(key, replicas.offers[key])
        return None

    @contextmanager
    def using(self, endpoint: Endpoint, prompt: Prompt) -> Iterator[None]:
        """Count a request that a node is asked inside. If it ends without an error, the node holds its prompt."""
        node = self._nodes.get(endpoint.key)
        if node is None:
            yield
            return
        waited, started = node.ahead >= node.record.load.slots, self._clock()
        node.mine += 1
        try:
            yield
        finally:
            node.mine -= 1
        replicas = self._replicas.get((endpoint.offer.name, endpoint.offer.digest))
        if replicas is None or self._nodes.get(endpoint.key) is not node:
            return
        replicas.prefixes.add(endpoint.key, prompt)
        if not waited:
            replicas.service += SMOOTHING * (self._clock() - started - replicas.service)

    def failed(self, endpoint: Endpoint) -> None:
        """Note that a node could not be reached or did not answer: until its next heartbeat, others are asked first."""
        node = self._nodes.get(endpoint.key)
        if node is not None and node.record.lease == endpoint.lease and not node.failed:
            node.failed = True
            for offer in node.record.offers:
                if replicas := self._replicas.get((offer.name, offer.digest)):
                    self._sort(replicas)

    async def lost(self, endpoint: Endpoint) -> None:
        """Wait until a node is gone: it left, its lease ran out, it was expelled, or its process started again."""
        node = self._nodes.get(endpoint.key)
        if node is not None and node.record.lease == endpoint.lease:
            await node.lost.wait()

    def _sort(self, replicas: _Replicas) -> None:
        tiers: tuple[list[str], ...] = tuple([] for _ in range(TIERS))
        for key in replicas.offers:
            tiers[self._nodes[key].tier].append(key)
        replicas.tiers = tiers

    def _endpoint(self, key: str, offer: Offer) -> Endpoint:
        record = self._nodes[key].record
        return Endpoint(key, record.name, record.url, offer, record.access, record.lease)
