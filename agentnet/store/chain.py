"""The chain of a run's messages: each row has the hash of the one before, and the head is sealed with a key.

::

    record ──▶ start ──▶ hash of message 0 ──▶ … ──▶ hash of message n = head ──▶ seal (start, n + 1, head)
                                                                       └──▶ end seal (head, status, answer, detail)

A hash covers the hash before it and the message's wire form as it is stored. Hashes are plain SHA-256: with a copy of
the database alone, anyone can check that its messages belong together. Seals are HMAC-SHA-256 under a key in a file of
mode 0600: with it, its owner can check that the head is the one that was recorded, so that no message was changed and
all later hashes computed again, and none was cut off at the end.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentnet.files.private import private_folder

KEY_FILE = "audit.key"
KEY_VARIABLE = "AGENTNET_AUDIT_KEY"
"""The variable that names another file for the key, such as one that this user may read and not write."""
_KEY_BYTES = 32


def start_of(run: Mapping[str, Any]) -> str:
    """Return the hash that a run's chain starts from: that of its record. `run` is its row, as inserted or as read."""
    fixed = {name: run[name] for name in ("id", "created", "protocol", "task", "record")}
    return hashlib.sha256(b"agentnet run 1\0" + json.dumps(fixed, sort_keys=True).encode()).hexdigest()


def linked(before: str, wire: str) -> str:
    """Return the hash of a message behind the hash `before`."""
    return hashlib.sha256(f"{before}\n{wire}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a run's chain: where it starts, how many messages it has, and the hash of the last one."""

    run: str
    start: str
    length: int
    hash: str

    def with_message(self, wire_hash: str) -> Head:
        """Return the head with one message more."""
        return Head(self.run, self.start, self.length + 1, wire_hash)


class SealingKey:
    """The key of a store's owner. A seal is text: the beginning of the key's hash, and an HMAC."""

    def __init__(self, key: bytes) -> None:
        self._mac = hmac.new(key, digestmod=hashlib.sha256)
        self.id = hashlib.sha256(b"agentnet key\0" + key).hexdigest()[:8]
        """Tells keys apart, and says nothing about them."""

    @classmethod
    def of(cls, path: Path) -> SealingKey:
        """Return the key in a file; it is made, for its owner alone, where it is missing. Raises `OSError`."""
        if not path.exists():
            private_folder(path.parent)
            new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
            try:
                with os.fdopen(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
                    file.write(secrets.token_bytes(_KEY_BYTES))
                os.link(new, path)  # of several processes, the first one's counts
            except FileExistsError:
                pass
            finally:
                new.unlink(missing_ok=True)
        key = path.read_bytes()
        if len(key) < _KEY_BYTES:
            raise OSError(f"{path} is no key: it has {len(key)} bytes, not {_KEY_BYTES}")
        return cls(key)

    @classmethod
    def passing(cls) -> SealingKey:
        """Return a key that is kept nowhere, for a store in memory."""
        return cls(secrets.token_bytes(_KEY_BYTES))

    def seal(self, head: Head) -> str:
        """Return the seal of a chain's head."""
        return self._sealed("head", head.run, head.start, str(head.length), head.hash)

    def seal_end(self, head: Head, status: str, answer: str | None, detail: str) -> str:
        """Return the seal of how a run ended."""
        return self._sealed("end", head.run, head.hash, json.dumps([status, answer, detail]))

    def made(self, seal: str) -> bool:
        """Return whether a seal was made with this key, by its own account."""
        return seal.startswith(f"{self.id}:")

    def _sealed(self, *parts: str) -> str:
        mac = self._mac.copy()
        mac.update("\n".join(parts).encode())
        return f"{self.id}:{mac.hexdigest()}"


def key_file(beside: Path) -> Path:
    """Return where the key of a store in a folder is: in that folder, or where `KEY_VARIABLE` says."""
    named = os.environ.get(KEY_VARIABLE)
    return Path(named).expanduser() if named else beside / KEY_FILE
