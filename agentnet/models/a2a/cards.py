"""Cards of outside agents: who signed them, and whether the agent can be asked in words where it is."""

from __future__ import annotations

from collections.abc import Callable

import jwt
from a2a.types.a2a_pb2 import AgentCard, AgentInterface
from a2a.utils.constants import PROTOCOL_VERSION_1_0, TransportProtocol
from a2a.utils.signing import create_signature_verifier

from agentnet.contracts.base import shown
from agentnet.errors import ModelError
from agentnet.models.addresses import Server, parse_server

BINDINGS = (TransportProtocol.JSONRPC, TransportProtocol.HTTP_JSON)
_WORDS = ("text", "*/*", "application/json")
"""Beginnings of the media types of answers that are read."""


def verifier(key: str) -> Callable[[AgentCard], None]:
    """Return what raises the SDK's `SignatureVerificationError` for a card that an Ed25519 key did not sign.

    `key` is the public key as base64url; the key that a card itself names counts nothing.
    """
    public = jwt.PyJWK({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": key})

    def provider(kid: str | None, jku: str | None) -> jwt.PyJWK:
        return public

    return create_signature_verifier(provider, ["EdDSA"])


def usable(card: AgentCard, server: Server, where: str) -> AgentCard:
    """Return a card with only those interfaces by which an agent is asked. Raises `ModelError` if there are none.

    An interface on another server is none: a card must not send the callers of its agent, and their keys, elsewhere.
    """
    required = [extension.uri for extension in card.capabilities.extensions if extension.required]
    if required:
        raise ModelError(f"{where}: the agent needs the extension {shown(required[0], 200)}, which is not known here")
    modes = list(card.default_output_modes)
    if modes and not any(mode.startswith(_WORDS) for mode in modes):
        raise ModelError(f"{where}: the agent answers in {shown(', '.join(modes), 200)}, and not in words")
    faces = [face for face in card.supported_interfaces if _speaks(face) and _is_there(face, server)]
    if not faces:
        offered = ", ".join(f"{face.protocol_binding} {face.protocol_version}" for face in card.supported_interfaces)
        elsewhere = any(map(_speaks, card.supported_interfaces))
        why = "they are on another server" if elsewhere else f"A2A {PROTOCOL_VERSION_1_0} is needed"
        raise ModelError(f"{where}: cannot be asked by its interfaces ({shown(offered, 200) or 'none'}): {why}")
    chosen = AgentCard()
    chosen.CopyFrom(card)
    del chosen.supported_interfaces[:]
    chosen.supported_interfaces.extend(faces)
    return chosen


def _speaks(face: AgentInterface) -> bool:
    return face.protocol_binding in BINDINGS and face.protocol_version.split(".")[:2] == ["1", "0"]


def _is_there(face: AgentInterface, server: Server) -> bool:
    try:
        there = parse_server(face.url)
    except ModelError:
        return False
    same = (there.scheme, there.host, there.port) == (server.scheme, server.host, server.port)
    return same and not there.has_user
