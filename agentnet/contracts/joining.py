"""What a node and the hub of a network say to each other.

Every request of a node is a `Signed` payload with a nonce that the hub gave out. A nonce counts once: a request
that was overheard cannot be sent again, and no clock has to be right.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, TypeAdapter

from agentnet.contracts.base import WireModel
from agentnet.contracts.nodes import Load, NodeCard, NodeState

HUB_PATH = "/hub/v1"
"""Where a hub answers, below its URL."""
PROOF_PATH = "/node/v1/proof"
"""Where a node proves that its key is there."""
NONCE_HEADER = "replay-nonce"
"""The header of a hub's answer that brings the nonce for the next request, as in ACME (RFC 8555, 6.5)."""
BAD_NONCE = "bad-nonce"
"""The code of a hub's error for a nonce that it does not know, or that was used."""
PROOF_SECONDS = 5.0
"""Seconds in which a node must prove to the hub that it is there."""

Nonce = Annotated[str, Field(min_length=16, max_length=64)]
Key = Annotated[str, Field(max_length=64, description="Ed25519 public key, base64url without padding")]


class Signed(WireModel):
    """A payload and its signature: a JWS (RFC 7515) over the payload's canonical JSON (JCS, RFC 8785)."""

    payload: dict[str, Any]
    protected: str = Field(max_length=1024, description="the JWS's protected header, base64url")
    signature: str = Field(max_length=256, description="base64url")


class Register(WireModel):
    """A node asks to take part. Its earlier lease, if there is one, ends with it."""

    what: Literal["register"] = "register"
    nonce: Nonce
    card: NodeCard


class Heartbeat(WireModel):
    """A node says that it lives, and what it has to do."""

    what: Literal["heartbeat"] = "heartbeat"
    nonce: Nonce
    key: Key
    lease: str = Field(max_length=64)
    load: Load = Load()


class Leave(WireModel):
    """A node leaves: at once, or (`drain`) after the requests that it has, which it ends with another `Leave`.

    Without a lease it is the word of the key's owner, and holds for whichever process works with the key.
    """

    what: Literal["leave"] = "leave"
    nonce: Nonce
    key: Key
    lease: str | None = Field(default=None, max_length=64)
    drain: bool = False


NodeRequest: TypeAlias = Annotated[Register | Heartbeat | Leave, Field(discriminator="what")]
NODE_REQUEST: TypeAdapter[Register | Heartbeat | Leave] = TypeAdapter(NodeRequest)


class Proof(WireModel):
    """What a node signs when the hub asks, at the node's own address, whether the key is there."""

    what: Literal["proof"] = "proof"
    nonce: Nonce
    key: Key


class Registered(WireModel):
    """The hub's answer to `Register`."""

    network: str
    lease: str
    state: NodeState
    lease_seconds: float = Field(gt=0, le=3600)
    heartbeat_seconds: float = Field(gt=0, le=3600)


class Heard(WireModel):
    """The hub's answer to `Heartbeat` and `Leave`: the node's state. One that hears `draining` drains, and leaves."""

    state: NodeState
