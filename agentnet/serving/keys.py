"""Keys of nodes and gateways: Ed25519, one file each, and signatures over canonical JSON.

A signature is a JSON Web Signature (RFC 7515, EdDSA of RFC 8037) over the payload's canonical form (JCS, RFC 8785), as
A2A 1.0 signs agent cards. It proves which key sent something, and nothing about whether it is true.
"""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path
from typing import Any

import jwt
import rfc8785
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from agentnet.contracts.joining import Signed
from agentnet.errors import BadInput, NodeRefused
from agentnet.files.private import private_folder

ALGORITHM = "EdDSA"
_SIZE = 32
"""Bytes of an Ed25519 public key."""


class NodeKey:
    """The private key of a node or a gateway. `public` is what others know it by."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = encoded(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    @classmethod
    def new(cls) -> NodeKey:
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def open(cls, path: Path) -> NodeKey:
        """Return the key of a file, which is made where it is missing and which only its owner may read.

        Raises `BadInput` for a file that is no Ed25519 key, or that others may read.
        """
        try:
            made = cls._made(path)
            if made is not None:
                return made
            if os.name != "nt" and path.stat().st_mode & 0o077:
                raise BadInput(f"{path}: others can read this key: chmod 600 it, or remove it to make a new one")
            private = load_pem_private_key(path.read_bytes(), password=None)
        except OSError as error:
            raise BadInput(f"{path}: the key cannot be read or made ({error.strerror})") from error
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise BadInput(f"{path}: is no Ed25519 key in PEM: remove it to make a new one") from None
        if not isinstance(private, Ed25519PrivateKey):
            raise BadInput(f"{path}: is no Ed25519 key: remove it to make a new one")
        return cls(private)

    @classmethod
    def _made(cls, path: Path) -> NodeKey | None:
        """Make a key file. Returns None if there is one."""
        private_folder(path.parent)
        key = cls.new()
        pem = key._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            return None
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
        return key

    def jwk(self) -> dict[str, str]:
        """Return the public key as a JSON Web Key (RFC 8037)."""
        return {"kty": "OKP", "crv": "Ed25519", "alg": ALGORITHM, "use": "sig", "kid": self.public, "x": self.public}

    def signing_jwk(self) -> jwt.PyJWK:
        """Return the private key as the SDKs of other protocols take it."""
        private = encoded(self._private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()))
        return jwt.PyJWK({**self.jwk(), "d": private})

    def sign(self, payload: dict[str, Any]) -> Signed:
        """Return a payload of plain JSON data with this key's signature. Raises `BadInput` for data that JSON lacks."""
        token = jwt.api_jws.encode(canonical(payload), self._private, ALGORITHM, {"typ": "JOSE", "kid": self.public})
        protected, _, signature = token.split(".")
        return Signed(payload=payload, protected=protected, signature=signature)


def verify(signed: Signed, public: str) -> bytes:
    """Return the canonical form of a signed payload. Raises `NodeRefused` unless the key of `public` signed it."""
    try:
        raw = _decoded(public)
        if len(raw) != _SIZE or encoded(raw) != public:
            raise ValueError("no key")
        payload = canonical(signed.payload)
        token = f"{signed.protected}.{encoded(payload)}.{signed.signature}"
        jwt.api_jws.decode(token, Ed25519PublicKey.from_public_bytes(raw), algorithms=[ALGORITHM])
    except (jwt.InvalidTokenError, ValueError, BadInput):
        raise NodeRefused("the signature is not of the key that the request names") from None
    return payload


def canonical(payload: dict[str, Any]) -> bytes:
    """Return the canonical JSON of a payload. Raises `BadInput` for what JSON cannot say exactly."""
    try:
        return rfc8785.dumps(payload)
    except (rfc8785.CanonicalizationError, RecursionError) as error:
        raise BadInput(f"cannot be signed: {error}") from error


def encoded(data: bytes) -> str:
    """Return bytes as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("not base64url") from error
