"""The entrance of a gateway: which requests are let in, on behalf of whom.

A key, sent as Bearer token, says who asks, and each path has the scope that a key needs there. Where no key was ever
made and no secret is set, a server on loopback is there for the programs of its own machine. Web pages are kept out,
whatever name of their own they have pointed here (DNS rebinding): a request names the server by an address, as
localhost, or by a name that its owner gave, and comes from no page but the server's own or one that its owner named.

The server's own page sends a cookie in a key's place (`sessions`). It counts below the page's `PATHS` alone, and not
where another page sent the request. What the page changes needs a proof that other pages cannot read (CSRF).
"""

from __future__ import annotations

import hmac
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from agentnet.contracts.joining import HUB_PATH
from agentnet.contracts.serving import Caller, KeyRecord, Scope
from agentnet.errors import BadInput
from agentnet.serving.access.callers import JOINING, LOCAL, caller_with
from agentnet.serving.access.sessions import PROOF, PageSession, Sessions
from agentnet.serving.app import MOST_BODY, STRANGER, Problem, is_address
from agentnet.serving.node.client import TOKEN
from agentnet.serving.process import is_loopback
from agentnet.store.keys import Keys

CALLER_BODY = 2**20
"""Bytes of the longest body of a caller's request; those of nodes have `MOST_BODY`."""
MOST_HEADERS, MOST_HEADER_BYTES = 100, 32 * 2**10
SCOPES: tuple[tuple[str, Scope], ...] = ((HUB_PATH, "node"), ("/metrics", "metrics"))
"""Paths, with all below them, that need another scope than `ask`."""
PAGE_PATHS = ("/api/", "/page/")
"""Where the requests of the page go."""
READING = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing."""
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
"""Headers of a proxy: behind it may be anybody."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who sends a request, and the session of the page that says so; None where a key does, or none is needed."""

    caller: Caller
    session: PageSession | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """The `Entrance` of a gateway. `token` is the secret with which nodes join; empty where there is none."""

    keys: Keys
    local: bool
    """Whether the server listens at this machine's loopback address alone."""
    token: str = ""
    hosts: Collection[str] = ()
    """Names of the server beside its addresses, such as the one that a reverse proxy has."""
    origins: Collection[str] = ()
    """Origins of pages that may use it, such as ``https://chat.example.org``."""
    open_paths: Collection[str] = ()
    sessions: Sessions | None = None
    """Those of the page; None where none is served."""

    async def admit(self, connection: HTTPConnection) -> Caller:
        """Return who sends a request. Raises `Problem`, and `StoreError` where keys cannot be looked up."""
        path, headers = connection.scope["path"], connection.headers
        _check_size(headers)
        self._check_host(headers)
        self._check_origin(headers)
        if path in self.open_paths:
            return STRANGER
        visitor = await self.recognized(connection)
        needed: Scope = next((scope for start, scope in SCOPES if path == start or path.startswith(f"{start}/")), "ask")
        if not visitor.caller.may(needed):
            raise Problem(403, f"this key may not be used here: it lacks the scope {needed}", "wrong-scope")
        self.check_proof(connection, visitor)
        return visitor.caller

    async def recognized(self, connection: HTTPConnection) -> Visitor:
        """Return who sends a request: by their key, by the page's cookie, or as a program of this machine.

        Raises `Problem` for anyone else, and `StoreError`.
        """
        given = connection.headers.getlist("authorization")
        if given:
            return Visitor(await self._by_key(connection, given))
        found = await self._by_session(connection)
        if found is not None:
            return found
        if await self._is_open(connection):
            return Visitor(LOCAL)
        raise Problem(401, "a key is needed: send it as Authorization: Bearer …", "no-key")

    def check_proof(self, connection: HTTPConnection, visitor: Visitor) -> None:
        """Refuse a change that a page of elsewhere may have sent through the caller's browser.

        That is one that the page's cookie speaks for, or, where no key is needed, that comes from a browser.
        """
        headers, scope = connection.headers, connection.scope
        if self.sessions is None or scope.get("method") in READING or not scope["path"].startswith(PAGE_PATHS):
            return
        if visitor.session is None and ("authorization" in headers or not self._is_own_page(headers)):
            return
        if not self.sessions.proves(headers.get(PROOF, ""), visitor.session):
            raise Problem(403, f"the page's proof is missing or old ({PROOF}): reload the page", "no-proof")

    async def key(self, key: str) -> KeyRecord:
        """Return the record of a key that is accepted. Raises `Problem` for any other."""
        record = await self.keys.find(key)
        if record is None:
            raise Problem(401, "the key is wrong: `agentnet keys create` makes one", "invalid_api_key")
        return _living(record)

    async def check(self) -> str:
        """Return in one line who may use the server. Raises `BadInput` where others would reach it without a key."""
        keys = [record for record in await self.keys.all() if record.why_not() is None]
        if keys:
            return f"keys that may use it: {len(keys)} (agentnet keys list)"
        if not self.token and (self.hosts or not self.local):
            what = "under the names of --allowed-host" if self.local else "at this address"
            raise BadInput(
                f"others can reach this server {what}, and there is no key: make one with `agentnet keys create NAME`, "
                f"or set {TOKEN} for nodes alone"
            )
        if self.token or await self.keys.any():
            return "nobody may ask yet: agentnet keys create NAME makes a key"
        return (
            "no keys: programs of this machine may use it; agentnet keys create NAME makes one, and then all need one"
        )

    def _check_host(self, headers: Headers) -> None:
        """Refuse a name that is not the server's. Where others reach it too and no names are given, keys protect it."""
        given = headers.getlist("host")
        if len(given) > 1:
            raise Problem(400, "a request has one Host header", "wrong-host")
        if not self.local and not self.hosts:
            return
        host = _hostname(f"//{given[0]}") if given else ""
        if not is_address(host) and host not in self.hosts:
            raise Problem(
                403,
                f"this server is not called {host[:100]!r}: use its address, or serve it with --allowed-host",
                "wrong-host",
            )

    def _check_origin(self, headers: Headers) -> None:
        origins = headers.getlist("origin")
        for origin in origins:
            if not is_own(origin, headers) and origin not in self.origins:
                raise Problem(
                    403,
                    f"pages of {origin[:100]!r} may not use this server: serve it with --allowed-origin",
                    "wrong-origin",
                )
        if not origins and headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            link = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
            if not link:  # what a page loads without a name of its own: a picture, a frame, a script
                raise Problem(403, "pages of elsewhere may not load from this server", "wrong-origin")

    def _is_own_page(self, headers: Headers) -> bool:
        """Return whether a request that was let in comes from the server's own page, as far as the browser says."""
        origin = headers.get("origin")
        return "sec-fetch-site" in headers if origin is None else is_own(origin, headers)

    async def _by_key(self, connection: HTTPConnection, given: list[str]) -> Caller:
        scheme, _, key = given[0].partition(" ")
        key = key.strip()
        if len(given) == 1 and scheme.lower() == "bearer" and key:
            if self.token and hmac.compare_digest(key.encode(), self.token.encode()):
                return JOINING
            record = await self.keys.find(key)
            if record is not None:
                return caller_with(_living(record))
            if not key.startswith("an-") and await self._is_open(connection):
                return LOCAL  # clients of OpenAI's API must send something
        raise Problem(401, "the key is wrong: `agentnet keys create` makes one", "invalid_api_key")

    async def _by_session(self, connection: HTTPConnection) -> Visitor | None:
        """Return who has the page's cookie; None without one, and where another page may have sent it.

        Browsers send a cookie to all ports of a host: on a server that needs no key, another server's is none.
        """
        headers = connection.headers
        if self.sessions is None or not connection.scope["path"].startswith(PAGE_PATHS):
            return None
        cookie = connection.cookies.get(self.sessions.cookie)
        elsewhere = any(not is_own(origin, headers) for origin in headers.getlist("origin"))
        if cookie is None or elsewhere or headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return None
        session = self.sessions.read(cookie)
        record = None if session is None else await self.keys.get(session.key)
        if session is None or record is None or not session.belongs_to(record):
            if await self._is_open(connection):
                return None
            raise Problem(401, "you are signed out: sign in with your key again", "no-session")
        return Visitor(caller_with(_living(record)), session)

    async def _is_open(self, connection: HTTPConnection) -> bool:
        """Return whether a request needs no key: no key was made, and it comes from this machine itself."""
        client = connection.client
        if not self.local or self.token or client is None or not is_loopback(client.host):
            return False
        if any(name in connection.headers for name in FORWARDED):
            return False
        return not await self.keys.any()


def most_body(path: str) -> int:
    """Return how many bytes the body of a request to a path may have."""
    return MOST_BODY if path.startswith(f"{HUB_PATH}/") else CALLER_BODY


def _check_size(headers: Headers) -> None:
    if (
        len(headers.raw) > MOST_HEADERS
        or sum(len(name) + len(value) for name, value in headers.raw) > MOST_HEADER_BYTES
    ):
        raise Problem(
            431,
            f"a request has at most {MOST_HEADERS} headers, of {MOST_HEADER_BYTES} bytes together",
            "headers-too-large",
        )


def is_own(origin: str, headers: Headers) -> bool:
    """Return whether an origin is that of the server's own pages."""
    scheme, separator, site = origin.partition("://")
    return bool(scheme and separator) and site.lower() == headers.get("host", "").lower()


def _living(record: KeyRecord) -> KeyRecord:
    """Return the record of a key. Raises `Problem` for one that is not accepted any more."""
    why = record.why_not()
    if why is not None:
        raise Problem(401, f"key {record.id} {why}", "invalid_api_key")
    return record


def _hostname(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
