"""Every route of a gateway, asked by those who may not: none is let in."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path

import pytest
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute

from agentnet.contracts.serving import Scope
from agentnet.models.addresses import joined_near
from agentnet.models.openai.transport import http
from agentnet.network.roster import Roster
from agentnet.serving.access.entrance import Gate
from agentnet.serving.hosting import Composed, HubSettings, composed
from agentnet.serving.process import listen, serving, url_of
from agentnet.session import Session
from agentnet.settings import resolve
from agentnet.store.nodes import Nodes
from agentnet.store.storage import open_storage
from tests.scripted import agent, network, says

REQUESTS = 2000
OPEN = {"/healthz", "/readyz", "/.well-known/agent-card.json", "/.well-known/jwks.json"}
"""What anybody may see."""
SECRET = "a secret of the network"


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
        else:
            assert not isinstance(route, WebSocketRoute), "a WebSocket has to be asked as one"
            raise AssertionError(f"{route} is a kind of route that this test does not know")


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[tuple[str, Composed, Session]]:
    """A whole gateway, with all its surfaces, at a URL."""
    async with AsyncExitStack() as stack:
        settings = resolve(store=str(tmp_path / "store.db"), home=str(tmp_path / "home"))
        storage = await stack.enter_async_context(open_storage(settings))
        members = network(agent("one", says("it is => 2")))
        roster = Roster(Nodes(storage.database, "test"), lease=15, hosting=True, own=lambda: ("one",))
        session = Session(members, settings=settings, storage=storage, roster=roster)
        stack.push_async_callback(session.close)
        listening = listen("127.0.0.1", 0)
        url = url_of(listening)
        hub = HubSettings("127.0.0.1", 0, SECRET, joined_near("127.0.0.0/8"), 15.0)
        made = composed(session, Gate(storage.keys, local=True, token=SECRET), hub, url)
        await stack.enter_async_context(serving(made.app, listening))
        yield url, made, session


async def test_none_of_two_thousand_requests_is_let_in(gateway: tuple[str, Composed, Session]) -> None:
    url, made, session = gateway
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
    bad = [None, "", *wrong, gone, late]

    known = sorted({(method, re.sub(r"\{[^}]*\}", "x", path)) for method, path in paths(list(made.app.routes))})
    known = [(method, path) for method, path in known if path not in OPEN]
    assert {"/v1/chat/completions", "/mcp", "/a2a", "/metrics", "/hub/v1/nodes", "/openapi.json"} <= {
        path for _, path in known
    }
    assert any(path.startswith("/api/") for _, path in known)
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
            if answer.status_code not in (401, 403) or "error" not in (
                answer.json() if answer.content else {"error": 1}
            ):
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
async def test_no_page_of_elsewhere_reaches_any_route(
    gateway: tuple[str, Composed, Session], headers: dict[str, str]
) -> None:
    url, made, session = gateway
    key, _ = await session.keys.create("right", ("admin",))
    async with http.AsyncClient(base_url=url, timeout=30) as client:
        for method, path in sorted(set(paths(list(made.app.routes)))):
            answer = await client.request(
                method, re.sub(r"\{[^}]*\}", "x", path), json={}, headers={**headers, "authorization": f"Bearer {key}"}
            )
            assert answer.status_code == 403, (method, path)
            assert "access-control-allow-origin" not in answer.headers
