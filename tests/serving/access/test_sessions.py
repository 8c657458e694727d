"""Sessions of the page: begun with a key, ended, and every way to get into one that is not one's own."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest

from agentnet.contracts.serving import Scope
from agentnet.errors import BadInput
from agentnet.models.openai.transport import http
from agentnet.serving.access.sessions import PROOF, SECRET_FILE, SESSION, Sessions
from tests.serving.access.gateways import SECRET, Running, running

SESSION_PATH = "/page/session"


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path) as found:
        yield found


class Browser:
    """What a browser sends by itself beside a request: its origin, and the cookies that it has."""

    def __init__(self, client: http.AsyncClient, url: str) -> None:
        self._client, self.url = client, url

    async def get(self, path: str, **headers: str) -> Any:
        return await self._client.get(path, headers={"sec-fetch-site": "same-origin"} | _spelled(headers))

    async def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        own = {"origin": self.url, "sec-fetch-site": "same-origin"}
        return await self._client.request(method, path, json=body, headers=own | _spelled(headers))

    async def sign_in(self, key: str) -> str:
        """Sign in with a key, and return the proof."""
        told = await self.send("POST", SESSION_PATH, {"key": key})
        assert told.status_code == 200, told.text
        return str(told.json()["proof"])

    @property
    def cookies(self) -> dict[str, str]:
        return dict(self._client.cookies.items())


@asynccontextmanager
async def browser(gateway: Running, cookies: Mapping[str, str] | None = None) -> AsyncIterator[Browser]:
    async with http.AsyncClient(base_url=gateway.url, cookies=dict(cookies or {}), timeout=30) as client:
        yield Browser(client, gateway.url)


async def created(gateway: Running, *scopes: Scope, **options: Any) -> str:
    key, _ = await gateway.session.keys.create("laptop", scopes or ("ask",), **options)
    return key


async def test_a_session_stands_for_its_key(gateway: Running) -> None:
    key = await created(gateway)
    async with browser(gateway) as reader:
        assert (await reader.get(SESSION_PATH)).json() == {"caller": None, "proof": None, "signed_in": False}
        assert (await reader.get("/api/runs")).status_code == 401
        told = await reader.send("POST", SESSION_PATH, {"key": f" {key}\n"})
        assert told.json()["caller"] == {"id": key[3:11], "name": "laptop", "scopes": ["ask"]}
        assert told.headers["cache-control"] == "no-store"
        assert key not in told.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(told.headers["set-cookie"].split("; "))
        proof = told.json()["proof"]
        assert (await reader.get(SESSION_PATH)).json() == told.json()
        assert (await reader.get("/api/runs")).status_code == 200
        begun = await reader.send("POST", "/api/runs", {"question": "1 + 1?", "protocol": "vote"}, proof=proof)
        assert begun.status_code == 201, begun.text
        run = await gateway.session.runs.record(begun.json()["id"])
        assert run.served is not None
        assert run.served.caller == key[3:11]
        assert (await reader.send("DELETE", SESSION_PATH, proof=proof)).status_code == 204
        assert reader.cookies == {}
        assert (await reader.get("/api/runs")).status_code == 401


@pytest.mark.parametrize("scope", ["node", "metrics"])
async def test_a_key_that_may_not_ask_begins_no_session(gateway: Running, scope: Scope) -> None:
    key = await created(gateway, scope)
    async with browser(gateway) as reader:
        told = await reader.send("POST", SESSION_PATH, {"key": key})
        assert (told.status_code, told.json()["error"]["code"]) == (403, "wrong-scope")
        assert reader.cookies == {}


async def test_wrong_keys_begin_no_session(gateway: Running) -> None:
    key = await created(gateway)
    late = await created(gateway, expires=datetime.now(UTC) - timedelta(seconds=1))
    async with browser(gateway) as reader:
        for wrong in ("", "an-", f"{key}0", key[:-1], f"an-{key[3:11]}-{'0' * 48}", late, SECRET):
            told = await reader.send("POST", SESSION_PATH, {"key": wrong})
            assert (told.status_code, told.json()["error"]["code"]) == (401, "invalid_api_key"), wrong
        for wrong in (None, 1, [key], {"key": key}):
            assert (await reader.send("POST", SESSION_PATH, {"key": wrong})).status_code == 400, wrong
        assert reader.cookies == {}


async def test_revoking_a_key_ends_its_sessions_at_once(gateway: Running) -> None:
    key = await created(gateway, "admin")
    async with browser(gateway) as reader:
        proof = await reader.sign_in(key)
        assert (await reader.get("/api/evaluations")).status_code == 200
        await gateway.session.keys.revoke(key[3:11])
        assert (await reader.get("/api/evaluations")).status_code == 401
        sent = await reader.send("POST", "/api/runs", {"question": "1 + 1?"}, proof=proof)
        assert (sent.status_code, sent.json()["error"]["code"]) == (401, "invalid_api_key")
        assert (await reader.get(SESSION_PATH)).json()["caller"] is None


async def test_a_session_has_the_scopes_of_its_key(gateway: Running) -> None:
    async with browser(gateway) as reader:
        await reader.sign_in(await created(gateway, "ask"))
        refused = await reader.get("/api/evaluations")
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "wrong-scope")
        await reader.sign_in(await created(gateway, "admin"))
        assert (await reader.get("/api/evaluations")).status_code == 200


async def test_a_cookie_counts_where_the_page_asks_and_nowhere_else(gateway: Running) -> None:
    async with browser(gateway) as reader:
        proof = await reader.sign_in(await created(gateway, "admin"))
        for path in ("/v1/models", "/metrics", "/openapi.json", "/mcp", "/hub/v1/nodes", "/apis"):
            assert (await reader.get(path)).status_code == 401, path
        chat = {"model": "auto", "messages": [{"role": "user", "content": "1 + 1?"}]}
        assert (await reader.send("POST", "/v1/chat/completions", chat, proof=proof)).status_code == 401


async def test_a_key_that_is_sent_speaks_before_a_cookie(gateway: Running) -> None:
    async with browser(gateway) as reader:
        await reader.sign_in(await created(gateway, "admin"))
        assert (await reader.get("/api/runs", authorization="Bearer an-wrong")).status_code == 401
        ask = await created(gateway, "ask")
        assert (await reader.get("/api/evaluations", authorization=f"Bearer {ask}")).status_code == 403
        sent = await reader.send("POST", "/api/runs", {"question": "1 + 1?"}, authorization=f"Bearer {ask}")
        assert sent.status_code == 201, sent.text


def _tampered(cookie: str, **changes: Any) -> str:
    head, payload, signature = cookie.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "==")) | changes
    return ".".join((head, base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("="), signature))


async def test_forged_cookies_are_no_sessions(gateway: Running, tmp_path: Path) -> None:
    mine, admins = await created(gateway, "ask"), await created(gateway, "admin")
    async with browser(gateway) as reader:
        await reader.sign_in(mine)
        ((name, cookie),) = reader.cookies.items()
    claims = jwt.decode(cookie, options={"verify_signature": False})
    secret = (tmp_path / "home" / SECRET_FILE).read_bytes()
    now = datetime.now(UTC)
    forged = {
        "another key's id": _tampered(cookie, sub=admins[3:11]),
        "a longer life": _tampered(cookie, exp=4_102_444_800),
        "no signature": cookie.rpartition(".")[0] + ".",
        "no algorithm": jwt.encode(claims, None, "none"),
        "another secret": jwt.encode(claims, bytes(32), "HS256"),
        "another algorithm": jwt.encode(claims, secret * 2, "HS512"),
        "over": jwt.encode(claims | {"exp": now - timedelta(seconds=1)}, secret, "HS256"),
        "no end": jwt.encode({key: value for key, value in claims.items() if key != "exp"}, secret, "HS256"),
        "the key of another store": jwt.encode(claims | {"key": "0" * 16}, secret, "HS256"),
        "an unknown key": jwt.encode(claims | {"sub": "00000000"}, secret, "HS256"),
        "the key itself": mine,
        "nothing": "x",
    }
    for what, value in forged.items():
        async with browser(gateway, {name: value}) as thief:
            told = await thief.get("/api/runs")
            assert (told.status_code, told.json()["error"]["code"]) == (401, "no-session"), what
            assert (await thief.get(SESSION_PATH)).json()["caller"] is None, what
    async with browser(gateway, {name: cookie}) as reader:
        assert (await reader.get("/api/runs")).status_code == 200
    assert claims["exp"] - claims["iat"] == SESSION.total_seconds()


async def test_a_change_needs_the_proof_of_its_session(gateway: Running) -> None:
    async with browser(gateway) as reader, browser(gateway) as other:
        proof = await reader.sign_in(await created(gateway))
        theirs = await other.sign_in(await created(gateway))
        assert proof != theirs
        for wrong in ("", theirs, proof[:-1], f"{proof}0", "x"):
            for method, path in (("POST", "/api/runs"), ("POST", "/api/protocols/check"), ("DELETE", SESSION_PATH)):
                told = await reader.send(method, path, {"question": "1 + 1?"}, proof=wrong)
                assert (told.status_code, told.json()["error"]["code"]) == (403, "no-proof"), (path, wrong)
        assert (await reader.get(SESSION_PATH)).json()["signed_in"] is True
    assert await gateway.session.runs.latest() == []


async def test_where_no_key_is_needed_the_page_still_proves_its_changes(gateway: Running) -> None:
    question = {"question": "1 + 1?", "protocol": "vote"}
    async with browser(gateway) as reader, http.AsyncClient(base_url=gateway.url) as program:
        told = (await reader.get(SESSION_PATH)).json()
        assert (told["caller"]["name"], told["signed_in"]) == ("this machine", False)
        refused = await reader.send("POST", "/api/runs", question)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "no-proof")
        assert (await reader.send("POST", "/api/runs", question, proof=told["proof"])).status_code == 201
        assert (await program.post("/api/runs", json=question)).status_code == 201


async def test_where_no_key_is_needed_the_cookie_of_a_server_at_another_port_does_no_harm(tmp_path: Path) -> None:
    """Servers with one home folder and several stores have one name for their cookies."""
    async with running(tmp_path) as keyed, browser(keyed) as reader:
        await reader.sign_in(await created(keyed))
        cookies = reader.cookies
    async with running(tmp_path, store="other.db") as gateway, browser(gateway, cookies) as reader:
        told = (await reader.get(SESSION_PATH)).json()
        assert (told["caller"]["name"], told["signed_in"]) == ("this machine", False)
        assert (await reader.get("/api/runs")).status_code == 200
        await created(gateway)
        refused = await reader.get("/api/runs")
        assert (refused.status_code, refused.json()["error"]["code"]) == (401, "no-session")


async def test_pages_of_elsewhere_have_no_use_of_a_session(tmp_path: Path) -> None:
    """Other ports of this host have its cookies, and named origins may read: neither acts as the reader."""
    neighbour, named = "http://127.0.0.1:1", "https://chat.example.org"
    async with running(tmp_path, origins=(named,)) as gateway, browser(gateway) as reader:
        proof = await reader.sign_in(await created(gateway))
        for headers in (
            {"origin": neighbour},
            {"origin": "null"},
            {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "script"},
            {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"},
        ):
            told = await reader.get("/api/runs", **headers)
            assert (told.status_code, told.json()["error"]["code"]) == (403, "wrong-origin"), headers
        assert (await reader.get("/api/runs", origin=named)).status_code == 401
        link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
        assert (await reader.get("/", **link)).status_code == 200
        assert (await reader.get("/api/runs", **link)).status_code == 401
        for origin in (neighbour, named, "null"):
            sent = await reader.send("POST", "/api/runs", {"question": "1 + 1?"}, origin=origin, proof=proof)
            assert sent.status_code in (401, 403), origin
        assert await gateway.session.runs.latest() == []


async def test_no_page_of_elsewhere_signs_a_reader_in(tmp_path: Path) -> None:
    named = "https://chat.example.org"
    async with running(tmp_path, origins=(named,)) as gateway, browser(gateway) as reader:
        key = await created(gateway)
        for origin in (named, "http://127.0.0.1:1", "null"):
            told = await reader.send("POST", SESSION_PATH, {"key": key}, origin=origin)
            assert (told.status_code, told.json()["error"]["code"]) == (403, "wrong-origin"), origin
        assert (await reader._client.post(SESSION_PATH, json={"key": key})).status_code == 403
        body = json.dumps({"key": key})
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
            headers = {"origin": gateway.url, "content-type": kind}
            assert (await reader._client.post(SESSION_PATH, content=body, headers=headers)).status_code == 415, kind
        assert reader.cookies == {}


async def test_sessions_outlive_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway, browser(gateway) as reader:
        await reader.sign_in(await created(gateway))
        cookies = reader.cookies
    async with running(tmp_path) as gateway, browser(gateway, cookies) as reader:
        assert (await reader.get("/api/runs")).status_code == 200


def test_the_secret_is_its_owners(tmp_path: Path) -> None:
    Sessions.open(tmp_path / "home")
    path = tmp_path / "home" / SECRET_FILE
    assert path.stat().st_mode & 0o777 == 0o600
    assert [found.name for found in path.parent.iterdir()] == [SECRET_FILE]
    path.chmod(0o644)
    with pytest.raises(BadInput, match="chmod 600"):
        Sessions.open(tmp_path / "home")
    path.chmod(0o600)
    path.write_bytes(b"short")
    with pytest.raises(BadInput, match="no secret of 32 bytes"):
        Sessions.open(tmp_path / "home")


def test_a_server_behind_https_has_a_cookie_that_no_other_host_can_set() -> None:
    plain, secure = Sessions(bytes(32)), Sessions(bytes(32), secure=True)
    assert secure.cookie == f"__Host-{plain.cookie}"
    assert Sessions(bytes(31) + b"x").cookie != plain.cookie


def _spelled(headers: Mapping[str, str]) -> dict[str, str]:
    return {PROOF if name == "proof" else name: value for name, value in headers.items()}
