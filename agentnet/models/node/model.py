"""`NodeModel`: a member that nodes serve, as one model. Its replicas are alike; each request goes to one of them.

A request that a node fails goes to another one. What was seen of a streamed reply cannot be taken back: another node
must begin with the same text, as replicas with one seed do but for near-ties; else the request fails, and its caller
decides.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, aclosing, contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

from agentnet.contracts.nodes import NodeSpec, Offer
from agentnet.errors import BadResponse, ModelError, ModelUnavailable
from agentnet.models.addresses import JOINED, AddressPolicy
from agentnet.models.base import Chunk, Completion, ModelCapabilities, Request, Scores
from agentnet.models.node.client import NodeClient
from agentnet.models.node.directory import Directory, Endpoint
from agentnet.models.node.prefixes import Prompt
from agentnet.models.tokens import TokenSession

T = TypeVar("T")

FAILURES = (ModelUnavailable, BadResponse)
"""Errors after which another node is asked: nothing is wrong with the request."""


def node_model(spec: NodeSpec, directory: Directory, offer: Offer, policy: AddressPolicy = JOINED) -> NodeModel:
    """Return the model of a member that nodes serve, with the abilities that one of them offers."""
    able = offer.abilities
    kind = SteppingNodeModel if able.tokens and able.scores else ScoringNodeModel if able.scores else NodeModel
    return kind(spec, directory, offer, policy)


class NodeModel:
    """A member's model on the nodes that serve it. Belongs to the event loop of its directory."""

    def __init__(self, spec: NodeSpec, directory: Directory, offer: Offer, policy: AddressPolicy = JOINED) -> None:
        """`policy` says at which addresses nodes may be."""
        self.name = spec.member
        able = offer.abilities
        self.capabilities = ModelCapabilities(offer.context, able.json_schema, able.logprobs, grammar=able.grammar)
        self._spec, self._directory, self._policy = spec, directory, policy
        self._connected: dict[tuple[str, str], _Connected] = {}
        """By the key and the lease of the node."""
        self._closing: set[asyncio.Future[None]] = set()
        self._closed = False

    async def generate(self, request: Request) -> Completion:
        completion, node = await self._answered(request, lambda client: client.generate(request))
        return replace(completion, served_by=node)

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        seen, prompt = "", Prompt.of_messages(request.messages)
        for endpoint in self._endpoints(prompt):
            written = ""
            try:
                async with AsyncExitStack() as stack:
                    client = stack.enter_context(self._using(endpoint, prompt))
                    chunks = await stack.enter_async_context(aclosing(client.stream(request)))
                    while (chunk := await self._unless_lost(endpoint, anext(chunks, None))) is not None:
                        written += chunk.text
                        if not (written.startswith(seen) or seen.startswith(written)):
                            raise ModelUnavailable(f"node {endpoint.node} does not continue what {self.name} began")
                        new, seen = written[len(seen) :], max(seen, written, key=len)
                        if chunk.completion is not None:
                            yield Chunk(new, replace(chunk.completion, served_by=endpoint.node))
                        elif new:
                            yield Chunk(new)
                return
            except FAILURES as error:
                self._directory.failed(endpoint)
                failure = error
        raise failure

    async def close(self) -> None:
        """End all connections. Closing twice is harmless."""
        self._closed = True
        connected, self._connected = self._connected, {}
        await asyncio.gather(*(one.client.close() for one in connected.values()), *self._closing)

    async def _answered(self, request: Request, ask: Callable[[NodeClient], Awaitable[T]]) -> tuple[T, str]:
        """Return the answer of the first node that has one, and the node's name. Raises `ModelError`."""
        prompt = Prompt.of_messages(request.messages)
        for endpoint in self._endpoints(prompt):
            try:
                with self._using(endpoint, prompt) as client:
                    return await self._unless_lost(endpoint, ask(client)), endpoint.node
            except FAILURES as error:
                self._directory.failed(endpoint)
                failure = error
        raise failure

    def _endpoints(self, prompt: Prompt) -> Iterator[Endpoint]:
        """Yield the node to ask, and further ones in case that it fails. Raises `ModelUnavailable` if there is none."""
        if self._closed:
            raise ModelError(f"{self.name} is closed")
        tried: list[str] = []
        while (endpoint := self._directory.choose(self.name, self._spec.digest, prompt, avoid=tried)) is not None:
            tried.append(endpoint.key)
            yield endpoint
        if not tried:
            raise ModelUnavailable(f"no node serves {self.name} now; see `agentnet nodes`")

    @contextmanager
    def _using(self, endpoint: Endpoint, prompt: Prompt) -> Iterator[NodeClient]:
        """Count a request of a node inside."""
        connected = self._client(endpoint)
        connected.users += 1
        try:
            with self._directory.using(endpoint, prompt):
                yield connected.client
        finally:
            connected.users -= 1

    def _client(self, endpoint: Endpoint) -> _Connected:
        found = self._connected.get((endpoint.key, endpoint.lease))
        if found is None:
            self._forget_gone()
            client = NodeClient(
                endpoint.url,
                endpoint.offer,
                access=endpoint.access,
                timeout=self._spec.timeout,
                policy=self._policy,
            )
            found = self._connected[endpoint.key, endpoint.lease] = _Connected(client)
        return found

    def _forget_gone(self) -> None:
        """Close what is left of nodes that serve the member no more."""
        here = {(endpoint.key, endpoint.lease) for endpoint in self._directory.endpoints(self.name, self._spec.digest)}
        for key in [key for key, one in self._connected.items() if key not in here and not one.users]:
            self._closing.add(task := asyncio.ensure_future(self._connected.pop(key).client.close()))
            task.add_done_callback(self._closing.discard)

    async def _unless_lost(self, endpoint: Endpoint, work: Awaitable[T]) -> T:
        """Return the result of a node's work. Raises `ModelUnavailable` as soon as the node is known to be gone."""
        doing = asyncio.ensure_future(work)
        lost = asyncio.ensure_future(self._directory.lost(endpoint))
        try:
            await asyncio.wait((doing, lost), return_when=asyncio.FIRST_COMPLETED)
            if not doing.done():
                raise ModelUnavailable(f"node {endpoint.node} is gone, which served {self.name}")
            return doing.result()
        finally:
            doing.cancel()
            lost.cancel()
            await asyncio.gather(doing, lost, return_exceptions=True)


class ScoringNodeModel(NodeModel):
    """A `Scorer` on nodes."""

    async def score(self, request: Request, continuations: Sequence[str]) -> Scores:
        scores, node = await self._answered(request, lambda client: client.score(request, continuations))
        return replace(scores, served_by=node)

    async def score_choices(self, request: Request, replies: Sequence[str]) -> Scores:
        scores, node = await self._answered(request, lambda client: client.score_choices(request, replies))
        return replace(scores, served_by=node)


class SteppingNodeModel(ScoringNodeModel):
    """A `TokenStepper` on nodes: it takes part in fusions, with all of its logits."""

    async def open_session(self, request: Request) -> TokenSession:
        """Return a session on one of the nodes, which stays there. Raises `ModelError`."""
        prompt = Prompt.of_messages(request.messages)
        for endpoint in self._endpoints(prompt):
            try:
                with ExitStack() as stack:
                    client = stack.enter_context(self._using(endpoint, prompt))
                    session = await self._unless_lost(endpoint, client.open_session(request))
                    session.at_the_end(stack.pop_all().close)
                    return session
            except FAILURES as error:
                self._directory.failed(endpoint)
                failure = error
        raise failure


@dataclass(eq=False, slots=True)
class _Connected:
    """The client of a node, and how many requests use it."""

    client: NodeClient
    users: int = 0
