"""The hub: where nodes join a network.

==================================  ========================================================================
``GET /hub/v1``                     what this is, and how often to send heartbeats
``GET /hub/v1/nonce``               a nonce, for the first request; every answer brings the next one
``POST /hub/v1/nodes``              a `Signed` request of a node: `Register`, `Heartbeat` or `Leave`
``GET /hub/v1/nodes``               the nodes
==================================  ========================================================================

The hub writes everything into the store; it can be killed at any time, and continues where it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from agentnet.contracts.base import first_problem
from agentnet.contracts.joining import (
    BAD_NONCE,
    HUB_PATH,
    NODE_REQUEST,
    NONCE_HEADER,
    Heard,
    Heartbeat,
    Leave,
    Register,
    Registered,
    Signed,
)
from agentnet.contracts.nodes import HEARTBEAT_SECONDS, LEASE_SECONDS, LEASED, NodeCard, NodeRecord
from agentnet.errors import AgentNetError, BadInput, LeaseOver, NodeRefused
from agentnet.logs import logger
from agentnet.models.addresses import AddressPolicy
from agentnet.network.roster import Roster
from agentnet.serving.app import Problem
from agentnet.serving.keys import canonical, verify
from agentnet.serving.nonces import Nonces
from agentnet.serving.proving import prove
from agentnet.serving.reading import read_json

log = logger("hub")


class Hub:
    """Hears nodes on behalf of a roster. Belongs to one event loop."""

    def __init__(
        self,
        roster: Roster,
        *,
        network: str,
        policy: AddressPolicy,
        lease: float = LEASE_SECONDS,
        heartbeat: float = HEARTBEAT_SECONDS,
    ) -> None:
        """`policy` says where nodes may be; `lease` and `heartbeat` are in seconds."""
        self._roster, self._network, self._policy = roster, network, policy
        self._lease, self._heartbeat = lease, heartbeat
        self._nonces = Nonces()

    def routes(self) -> list[BaseRoute]:
        """Return the routes of the hub."""
        return [
            Route(HUB_PATH, self._about),
            Route(f"{HUB_PATH}/nonce", self._nonce),
            Route(f"{HUB_PATH}/nodes", self._nodes, methods=["GET"]),
            Route(f"{HUB_PATH}/nodes", self._asked, methods=["POST"]),
        ]

    async def _about(self, request: Request) -> Response:
        return JSONResponse(
            {
                "network": self._network,
                "lease_seconds": self._lease,
                "heartbeat_seconds": self._heartbeat,
                "join": f"agentnet join {request.url.scheme}://{request.url.netloc} --network FILE",
            }
        )

    async def _nonce(self, request: Request) -> Response:
        return JSONResponse({"nonce": self._nonces.new()})

    async def _nodes(self, request: Request) -> Response:
        nodes = await self._roster.nodes(gone="gone" in request.query_params)
        return JSONResponse({"network": self._network, "nodes": [node.shown() for node in nodes]})

    async def _asked(self, request: Request) -> Response:
        try:
            answer: Response = JSONResponse(await self._answer(await read_json(request)))
        except (AgentNetError, Problem) as error:
            answer = Problem.of(error).response()
        answer.headers[NONCE_HEADER] = self._nonces.new()
        return answer

    async def _answer(self, data: Mapping[str, Any]) -> dict[str, Any]:
        try:
            signed = Signed.model_validate(data)
            asked = NODE_REQUEST.validate_json(canonical(signed.payload))
        except ValidationError as error:
            raise BadInput(f"no request of a node: {first_problem(error)}") from None
        verify(signed, asked.card.key if isinstance(asked, Register) else asked.key)
        if not self._nonces.take(asked.nonce):
            raise Problem(409, "the nonce is used up, or of another hub: take the one of this answer", BAD_NONCE)
        match asked:
            case Register():
                return (await self._registered(asked.card)).model_dump()
            case Heartbeat():
                return Heard(state=await self._roster.heartbeat(asked.key, asked.lease, asked.load)).model_dump()
            case Leave():
                return (await self._leaving(asked)).model_dump()

    async def _registered(self, card: NodeCard) -> Registered:
        card = card.model_copy(update={"url": card.url.rstrip("/")})
        await prove(card.url, card.key, card.access, self._policy)
        record = await self._roster.register(card, silent=await self._is_silent(card))
        return Registered(
            network=self._network,
            lease=record.lease,
            state=record.state,
            lease_seconds=self._lease,
            heartbeat_seconds=self._heartbeat,
        )

    async def _is_silent(self, card: NodeCard) -> bool:
        """Return whether nothing has the key at its earlier address: then its process was ended, and started again.

        If something has, two processes have one key, and one of them is not its owner's.
        """
        before = await self._known(card.key)
        if before is None or before.state not in LEASED or before.url == card.url:
            return False
        try:
            await prove(before.url, before.key, before.access, self._policy)
        except NodeRefused:
            return True
        log.warning("the key of node %s was used at %s, while it serves at %s", before.name, card.url, before.url)
        return False

    async def _known(self, key: str) -> NodeRecord | None:
        return next((node for node in await self._roster.nodes() if node.key == key), None)

    async def _leaving(self, asked: Leave) -> Heard:
        lease = asked.lease
        if lease is None:  # the word of the key's owner
            node = await self._known(asked.key)
            if node is None:
                raise LeaseOver("this node is not in the network")
            lease = node.lease
        if asked.drain:
            await self._roster.drain(asked.key, lease)
        else:
            await self._roster.leave(asked.key, lease)
        return Heard(state="draining" if asked.drain else "gone")
