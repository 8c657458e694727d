"""Sessions of the page: a caller gives a key once, and their browser keeps a signed cookie in its place.

The cookie is a JSON Web Token (RFC 7519, HS256) that names the key by its id. Whether that key still counts is looked
up at every request, so that revoking it ends its sessions at once. Scripts cannot read the cookie, and browsers send it
with requests of the page alone.

A change needs a *proof* beside the cookie (a CSRF token): a value that only the page can read, bound to its session. On
a server that needs no key, the page has one too.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt

from agentnet.contracts.serving import KeyRecord
from agentnet.errors import BadInput
from agentnet.files.private import private_folder

SECRET_FILE = "sessions.key"
"""What sessions are signed with, in the home folder."""
SECRET_BYTES = 32
SESSION = timedelta(hours=12)
"""How long a session lasts."""
PROOF = "x-agentnet-proof"
"""The header that has the proof of a change."""
_ALGORITHM = "HS256"
_CLAIMS = ("sub", "key", "jti", "exp")


@dataclass(frozen=True, slots=True)
class PageSession:
    """A session that was begun with a key."""

    id: str
    key: str
    """Id of the key."""
    mark: str
    """The beginning of the key's digest: the key of another store may have the same id."""

    def belongs_to(self, record: KeyRecord) -> bool:
        """Return whether it was begun with the key of a record."""
        return self.key == record.id and hmac.compare_digest(self.mark, _mark(record))


class Sessions:
    """Begins sessions and recognizes them. `secure` sessions are those of a server that is reached by https alone."""

    def __init__(self, secret: bytes, *, secure: bool = False) -> None:
        self._secret, self.secure = secret, secure
        name = f"agentnet-{self._signed('cookie')[:8]}"
        self.cookie = f"__Host-{name}" if secure else name
        """Name of the cookie: browsers share the cookies of all ports of a host, and each server has its own."""

    @classmethod
    def open(cls, home: Path, *, secure: bool = False) -> Sessions:
        """Return the sessions of the server with a home folder. Raises `BadInput` for a secret that cannot be used."""
        return cls(_secret(home / SECRET_FILE), secure=secure)

    def begin(self, record: KeyRecord) -> tuple[str, PageSession]:
        """Begin a session with a key; returns the value of its cookie, too."""
        session = PageSession(secrets.token_hex(16), record.id, _mark(record))
        now = datetime.now(UTC)
        claims = {"sub": session.key, "key": session.mark, "jti": session.id, "iat": now, "exp": now + SESSION}
        return jwt.encode(claims, self._secret, _ALGORITHM), session

    def read(self, cookie: str) -> PageSession | None:
        """Return the session that a cookie has; None for one that was not signed here, or is over."""
        try:
            claims = jwt.decode(cookie, self._secret, [_ALGORITHM], options={"require": list(_CLAIMS)})
        except jwt.InvalidTokenError:
            return None
        return PageSession(str(claims["jti"]), str(claims["sub"]), str(claims["key"]))

    def proof(self, session: PageSession | None) -> str:
        """Return the proof that changes of a session need; None stands for the page of a server without keys."""
        return self._signed("proof", "" if session is None else session.id)

    def proves(self, given: str, session: PageSession | None) -> bool:
        """Return whether a proof is the one of a session."""
        return hmac.compare_digest(given.encode(), self.proof(session).encode())

    def _signed(self, *parts: str) -> str:
        return hmac.digest(self._secret, "\0".join(parts).encode(), hashlib.sha256).hex()


def _mark(record: KeyRecord) -> str:
    return record.digest[:16]


def _secret(path: Path) -> bytes:
    """Return the secret of a file, which is made where it is missing and which only its owner may read."""
    try:
        if not path.exists():
            _make(path)
        if os.name != "nt" and path.stat().st_mode & 0o077:
            raise BadInput(f"{path}: others can read this secret: chmod 600 it, or remove it to make a new one")
        secret = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: the secret cannot be read or made ({error.strerror})") from error
    if len(secret) != SECRET_BYTES:
        raise BadInput(f"{path}: is no secret of {SECRET_BYTES} bytes: remove it to make a new one")
    return secret


def _make(path: Path) -> None:
    """Make a secret. It appears whole: servers that start at the same time use the same one."""
    private_folder(path.parent)
    whole = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(whole, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(secrets.token_bytes(SECRET_BYTES))
    try:
        os.link(whole, path)
    except FileExistsError:
        """Another server was quicker."""
    finally:
        whole.unlink()
