"""Nodes: processes that offer members to a network, and what is known of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from agentnet.contracts.base import FileModel, WireModel
from agentnet.contracts.cards import Card
from agentnet.contracts.sampling import Sampling

NODE_NAME = r"^[a-z][a-z0-9-]{0,62}$"
MEMBER_NAME = r"^[A-Za-z][A-Za-z0-9_.-]*$"

NodeState = Literal["joining", "active", "suspect", "draining", "gone", "expelled"]
"""`suspect`: its heartbeat is late; `draining`: finishes what it has, takes nothing new; `gone`: left, or its lease ran
out; `expelled`: a test found one of its members intolerable, and its key may not come back without the owner's word."""

PRESENT: frozenset[NodeState] = frozenset({"active", "suspect"})
"""States in which a node's members may be asked. A suspect node is asked last."""

LEASED: frozenset[NodeState] = frozenset({"joining", "active", "suspect", "draining"})
"""States of a node that has a lease: it sends heartbeats."""

LEASE_SECONDS = 15.0
HEARTBEAT_SECONDS = 5.0


class Abilities(WireModel):
    """What an offered model can do over the wire."""

    logprobs: bool = False
    json_schema: bool = False
    grammar: bool = False
    scores: bool = Field(default=False, description="scores given replies: POST /node/v1/score")
    tokens: bool = Field(default=False, description="is decoded token by token: WebSocket /node/v1/tokens")


class Offer(WireModel):
    """A member that a node offers. Offers with one digest are replicas of one model."""

    name: Annotated[str, Field(pattern=MEMBER_NAME, max_length=64)]
    digest: str = Field(
        description="SHA-256 of the model's files and of the settings that change its replies", max_length=64
    )
    card: Card = Field(default=Card(), description="the member's own word: measurements on it count as claims")
    pack: str = Field(default="instruct", description="a shipped prompt pack, by which the network prompts it")
    sampling: Sampling = Sampling()
    context: int | None = Field(default=None, ge=16, description="tokens")
    abilities: Abilities = Abilities()


class Load(WireModel):
    """What a node has to do, as of its last heartbeat."""

    running: int = Field(default=0, ge=0, le=10**9)
    queued: int = Field(default=0, ge=0, le=10**9)
    slots: int = Field(default=1, ge=1, le=10**9, description="requests that are served at the same time")
    tokens_per_second: float = Field(default=0.0, ge=0, allow_inf_nan=False, description="written, all requests")
    prefill_per_second: float = Field(
        default=0.0, ge=0, allow_inf_nan=False, description="tokens of prompts, one request"
    )
    free_cells: int | None = Field(default=None, ge=0, le=10**9, description="free cells of the KV caches")


class NodeCard(WireModel):
    """What a node says of itself. It is sent signed by the node's key, which proves its origin and nothing else."""

    name: Annotated[str, Field(pattern=NODE_NAME)]
    key: str = Field(description="Ed25519 public key, base64url without padding", max_length=64)
    url: str = Field(description="base URL of its OpenAI-compatible API, without /v1", max_length=512)
    offers: tuple[Offer, ...] = Field(min_length=1, max_length=256)
    access: str = Field(
        default="", max_length=128, description="secret that callers of the node send as Bearer token; empty: none"
    )
    software: str = Field(default="", max_length=64)


class NodeRecord(WireModel):
    """A node as the network knows it."""

    key: str
    name: str
    url: str
    state: NodeState
    offers: tuple[Offer, ...]
    access: str = Field(default="", repr=False, description="what `NodeCard.access` says; never shown")
    load: Load = Load()
    lease: str = Field(default="", description="id of the current lease: a heartbeat of another one is refused")
    joined: AwareDatetime
    heard: AwareDatetime = Field(description="of the last heartbeat, by the network's clock")
    until: AwareDatetime = Field(description="end of the lease, by the network's clock")
    epoch: int = Field(default=0, ge=0, description="grows with every change of state or of the offers")

    def shown(self) -> dict[str, Any]:
        """Return as plain data what anybody may see of a node: all but what lets one speak to it, or for it."""
        return self.model_dump(mode="json", exclude={"access", "lease"})


class NodeEvent(WireModel):
    """A change of a node, or of the standing of one of its members."""

    sequence: int = Field(default=0, ge=0, description="the network's epoch with this change")
    time: AwareDatetime
    node: str = Field(description="name of the node")
    key: str
    member: str | None = None
    before: str
    after: str
    why: str
    data: dict[str, Any] = Field(default_factory=dict, description="of a test: p0, p1, counts, statistic, bound")


class NodeSpec(FileModel):
    """A member's model on one or more nodes, as a run records it. Addresses are looked up when the model is asked."""

    kind: Literal["node"] = "node"
    member: str
    digest: str
    timeout: float = Field(default=60.0, gt=0, description="seconds for one attempt")
