"""Every route of a gateway, asked by those who may not: none is let in."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path

import pytest
from starlette.routing import BaseRoute, Mount, Route, Router, WebSocketRoute

from agentnet.contracts.serving import Scope
from agentnet.models.openai.transport import http
from tests.serving.access.gateways import SECRET, Running, running

REQUESTS = 2000
OPEN = {"/", "/page/session", "/healthz", "/readyz", "/.well-known/agent-card.json", "/.well-known/jwks.json"}
"""What anybody may see."""


def paths(routes: list[BaseRoute], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the method and the path of every route, those of mounted applications too."""
    for route in routes:
        if isinstance(route, Mount):
            yield from paths(list(route.routes), prefix + route.path)
            for method in ("GET", "POST", "DELETE"):
                yield method, prefix + route.path
        elif isinstance(route, Route):
            for method in sorted(route.methods or ("GET", "POST", "DELETE")):
                yield method, prefix + route.path
        elif isinstance(router := getattr(route, "original_router", None), Router):
            yield from paths(list(router.routes), prefix)
        else:
            assert not isinstance(route, WebSocketRoute), "a WebSocket has to be asked as one"
            raise AssertionError(f"{route} is a kind of route that this test does not know")


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path, token=SECRET) as found:
        yield found


async def test_no_route_is_open_but_those_that_are_meant_to_be(gateway: Running) -> None:
    key, _ = await gateway.session.keys.create("revoked", ("admin",))
    await gateway.session.keys.revoke("revoked")
    async with http.AsyncClient(base_url=gateway.url, timeout=30) as client:
        for method, path in sorted(set(paths(list(gateway.made.app.routes)))):
            if path not in OPEN:
                headers = {"authorization": f"Bearer {key}"} if method == "POST" else {}
                answer = await client.request(method, re.sub(r"\{[^}]*\}", "x", path), json={}, headers=headers)
                assert answer.status_code == 401, (method, path)


@pytest.mark.slow
async def test_none_of_two_thousand_requests_is_let_in(gateway: Running) -> None:
    url, made, session = gateway.url, gateway.made, gateway.session
    keys = session.keys
    good, record = await keys.create("right")
    gone, _ = await keys.create("revoked", ("admin",))
    await keys.revoke("revoked")
    late, _ = await keys.create("expired", ("admin",), expires=datetime.now(UTC) - timedelta(seconds=1))
    scoped: dict[Scope, str] = {scope: (await keys.create(scope, (scope,)))[0] for scope in ("ask", "node", "metrics")}
    wrong = [
        f"an-{record.id}-{'0' * 48}",
        f"an-00000000-{good[12:]}",
        good[:-1],
        f"{good}0",
        good.upper(),
        "none",
        SECRET[:-1],
    ]
    bad = [None, "x", *wrong, gone, late]

    known = sorted({(method, re.sub(r"\{[^}]*\}", "x", path)) for method, path in paths(list(made.app.routes))})
    known = [(method, path) for method, path in known if path not in OPEN]
    found = {path for _, path in known}
    assert {"/v1/chat/completions", "/mcp", "/a2a", "/metrics", "/hub/v1/nodes", "/openapi.json"} <= found
    assert any(path.startswith("/api/") for path in found)
    cases = [(method, path, key) for method, path in known for key in bad]
    cases += [
        (method, path, key)
        for method, path in known
        for scope, key in scoped.items()
        if scope != ("node" if path.startswith("/hub/") else "metrics" if path == "/metrics" else "ask")
    ]
    asked = list(islice(cycle(cases), max(REQUESTS, len(cases))))
    let_in, statuses = [], set[int]()
    async with http.AsyncClient(base_url=url, timeout=30) as client:
        for method, path, key in asked:
            headers = {} if key is None else {"authorization": f"Bearer {key}"}
            answer = await client.request(method, path, json={}, headers=headers)
            statuses.add(answer.status_code)
            if answer.status_code not in (401, 403):
                let_in.append((method, path, answer.status_code))
        assert let_in == []
        assert statuses == {401, 403}
        right = {"authorization": f"Bearer {good}"}
        assert (await client.get("/v1/models", headers=right)).status_code == 200
        for path in ("/healthz", "/readyz", "/.well-known/agent-card.json"):
            assert (await client.get(path)).status_code == 200
    assert await session.runs.latest() == []
    assert len(asked) >= REQUESTS


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "evil.example", "origin": "http://evil.example"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
    ],
)
async def test_no_page_of_elsewhere_reaches_any_route(gateway: Running, headers: dict[str, str]) -> None:
    url, made, session = gateway.url, gateway.made, gateway.session
    key, _ = await session.keys.create("right", ("admin",))
    async with http.AsyncClient(base_url=url, timeout=30) as client:
        for method, path in sorted(set(paths(list(made.app.routes)))):
            answer = await client.request(
                method, re.sub(r"\{[^}]*\}", "x", path), json={}, headers={**headers, "authorization": f"Bearer {key}"}
            )
            assert answer.status_code == 403, (method, path)
            assert "access-control-allow-origin" not in answer.headers


async def test_pages_of_named_origins_may_ask_with_their_key(tmp_path: Path) -> None:
    page = {"origin": "https://chat.example.org"}
    async with running(tmp_path, origins=(page["origin"],)) as found, http.AsyncClient(base_url=found.url) as client:
        key, _ = await found.session.keys.create("page")
        wish = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
        allowed = await client.options("/v1/chat/completions", headers=page | wish)
        assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, page["origin"])
        assert "access-control-allow-credentials" not in allowed.headers
        refused = await client.options("/v1/chat/completions", headers={**wish, "origin": "https://evil.example"})
        assert refused.status_code == 400
        answer = await client.get("/v1/models", headers=page | {"authorization": f"Bearer {key}"})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, page["origin"])


async def test_bodies_of_callers_are_bounded(tmp_path: Path) -> None:
    async with running(tmp_path) as found, http.AsyncClient(base_url=found.url) as client:

        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(40):
                yield b"x" * 2**15

        for path in ("/v1/chat/completions", "/mcp", "/a2a", "/api/runs"):
            json = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
            told = await client.post(path, content=b"x" * (2**20 + 1), headers=json)
            assert (told.status_code, told.json()["error"]["code"]) == (413, "too-large"), path
            streamed = await client.post(path, content=pieces(), headers=json)
            assert (streamed.status_code, streamed.json()["error"]["code"]) == (413, "too-large"), path
