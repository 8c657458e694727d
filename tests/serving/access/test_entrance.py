"""Who is let in by a gateway: with keys, without, from pages, by names that are not the server's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agentnet.contracts.serving import Caller, Scope
from agentnet.errors import BadInput
from agentnet.serving.access.callers import JOINING, LOCAL
from agentnet.serving.access.entrance import Gate
from agentnet.serving.app import STRANGER
from agentnet.serving.hosting import HubSettings
from agentnet.settings import resolve
from tests.serving.access.doors import asked, gate, verdict

SECRET = "a secret of the network"
PAST = datetime.now(UTC) - timedelta(seconds=1)


@pytest.fixture
async def open_gate(tmp_path: Path) -> AsyncIterator[Gate]:
    async with gate(tmp_path / "store.db") as made:
        yield made


async def test_without_keys_a_server_is_there_for_its_own_machine(open_gate: Gate) -> None:
    assert await verdict(open_gate, asked()) == LOCAL
    assert await verdict(open_gate, asked(key="whatever clients send")) == LOCAL
    assert await verdict(open_gate, asked("/hub/v1/nodes")) == LOCAL
    assert await verdict(open_gate, asked(client="192.0.2.1")) == (401, "no-key")
    assert await verdict(open_gate, asked(headers=[("x-forwarded-for", "192.0.2.1")])) == (401, "no-key")


async def test_the_first_key_closes_the_door_at_once_and_for_good(open_gate: Gate) -> None:
    key, record = await open_gate.keys.create("laptop")
    assert await verdict(open_gate, asked()) == (401, "no-key")
    assert await verdict(open_gate, asked(key="whatever clients send")) == (401, "invalid_api_key")
    found = await verdict(open_gate, asked(key=key))
    assert isinstance(found, Caller)
    assert (found.id, found.name, found.scopes) == (record.id, "laptop", ("ask",))
    await open_gate.keys.revoke("laptop")
    assert await verdict(open_gate, asked(key=key)) == (401, "invalid_api_key")
    assert await verdict(open_gate, asked()) == (401, "no-key")


@pytest.mark.parametrize(
    "change",
    [
        lambda key: key[:-1] + ("0" if key[-1] != "0" else "1"),
        lambda key: key[:-1],
        lambda key: f"{key}0",
        lambda key: key.upper(),
        lambda key: key.replace("an-", "", 1),
        lambda key: key[:12],
        lambda key: f"an-00000000-{key[12:]}",
        lambda key: f"{key} {key}",
        lambda key: f"{key}\xe9",
    ],
)
async def test_a_key_is_right_or_wrong(open_gate: Gate, change: object) -> None:
    assert callable(change)
    key, _ = await open_gate.keys.create("laptop")
    assert await verdict(open_gate, asked(key=change(key))) == (401, "invalid_api_key")
    assert isinstance(await verdict(open_gate, asked(key=key)), Caller)


async def test_an_expired_key_is_told_so(open_gate: Gate) -> None:
    key, _ = await open_gate.keys.create("guest", expires=PAST)
    assert await verdict(open_gate, asked(key=key)) == (401, "invalid_api_key")


@pytest.mark.parametrize("scheme", ["Basic", "Token", ""])
async def test_a_key_is_sent_as_bearer_token_once(open_gate: Gate, scheme: str) -> None:
    key, _ = await open_gate.keys.create("laptop")
    wrong = asked(headers=[("authorization", f"{scheme} {key}")])
    assert await verdict(open_gate, wrong) == (401, "invalid_api_key")
    assert await verdict(open_gate, asked(key=key, headers=[("authorization", "Bearer x")])) == (401, "invalid_api_key")
    assert isinstance(await verdict(open_gate, asked(headers=[("authorization", f"bEARER   {key} ")])), Caller)


@pytest.mark.parametrize(
    ("scope", "may"),
    [
        ("ask", {"/v1/models", "/a2a", "/hub", "/hub/v10", "/metricsfoo"}),
        ("node", {"/hub/v1", "/hub/v1/nodes"}),
        ("metrics", {"/metrics"}),
        ("admin", {"/v1/models", "/a2a", "/hub", "/hub/v10", "/metricsfoo", "/hub/v1", "/hub/v1/nodes", "/metrics"}),
    ],
)
async def test_each_path_has_its_scope(open_gate: Gate, scope: Scope, may: set[str]) -> None:
    key, _ = await open_gate.keys.create("laptop", (scope,))
    for path in ("/v1/models", "/a2a", "/hub", "/hub/v10", "/metricsfoo", "/hub/v1", "/hub/v1/nodes", "/metrics"):
        found = await verdict(open_gate, asked(path, key))
        assert isinstance(found, Caller) if path in may else found == (403, "wrong-scope"), path


async def test_the_secret_of_the_network_lets_nodes_join_and_does_nothing_else(tmp_path: Path) -> None:
    async with gate(tmp_path / "store.db", token=SECRET) as made:
        assert await verdict(made, asked("/hub/v1/nodes", SECRET)) == JOINING
        assert await verdict(made, asked("/v1/models", SECRET)) == (403, "wrong-scope")
        assert await verdict(made, asked("/v1/models")) == (401, "no-key")
        assert await verdict(made, asked("/hub/v1/nodes", f"{SECRET}x")) == (401, "invalid_api_key")


async def test_open_paths_are_open_to_strangers_who_may_do_nothing(tmp_path: Path) -> None:
    async with gate(tmp_path / "store.db", token=SECRET, open_paths={"/healthz"}) as made:
        found = await verdict(made, asked("/healthz", "an-wrong"))
        assert found == STRANGER
        assert not any(STRANGER.may(scope) for scope in ("ask", "admin", "node", "metrics"))
        assert await verdict(made, asked("/healthz/")) == (401, "no-key")


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1", "[::1]:8080", "192.0.2.7:8080", "LOCALHOST"])
async def test_a_server_is_called_by_its_address(open_gate: Gate, host: str) -> None:
    assert await verdict(open_gate, asked(host=host)) == LOCAL


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "evil@x:y", "", "[::1", "a:b:c", None]
)
async def test_no_page_reaches_it_by_a_name_of_its_own(open_gate: Gate, host: str | None) -> None:
    assert await verdict(open_gate, asked(host=host)) == (403, "wrong-host")
    key, _ = await open_gate.keys.create("laptop")
    assert await verdict(open_gate, asked(host=host, key=key)) == (403, "wrong-host")


async def test_a_request_has_one_host(open_gate: Gate) -> None:
    assert await verdict(open_gate, asked(headers=[("host", "evil.example")])) == (400, "wrong-host")


async def test_a_proxy_has_a_name_that_the_owner_gave(tmp_path: Path) -> None:
    async with gate(tmp_path / "store.db", hosts=("net.example.org",)) as made:
        key, _ = await made.keys.create("laptop")
        assert isinstance(await verdict(made, asked(host="net.example.org", key=key)), Caller)
        assert await verdict(made, asked(host="other.example.org", key=key)) == (403, "wrong-host")


async def test_where_others_reach_it_keys_protect_it_under_any_name(tmp_path: Path) -> None:
    async with gate(tmp_path / "store.db", local=False) as made:
        assert await verdict(made, asked(host="box.lan")) == (401, "no-key")
        key, _ = await made.keys.create("laptop")
        assert isinstance(await verdict(made, asked(host="box.lan", key=key)), Caller)


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost:3000", "file://", "", "//x", "http://["]
)
async def test_pages_of_others_are_kept_out(open_gate: Gate, origin: str) -> None:
    assert await verdict(open_gate, asked(headers=[("origin", origin)])) == (403, "wrong-origin")


async def test_the_servers_own_pages_and_those_of_named_origins_are_let_in(tmp_path: Path) -> None:
    async with gate(tmp_path / "store.db", origins=("https://chat.example.org",)) as made:
        for origin in ("http://127.0.0.1:8080", "https://chat.example.org"):
            assert await verdict(made, asked(headers=[("origin", origin)])) == LOCAL
        assert await verdict(made, asked(headers=[("origin", "https://chat.example.org.evil")])) == (
            403,
            "wrong-origin",
        )
        rebound = asked(host="evil.example:8080", headers=[("origin", "http://evil.example:8080")])
        assert await verdict(made, rebound) == (403, "wrong-host")


async def test_headers_are_bounded(open_gate: Gate) -> None:
    many = [(f"x-{number}", "") for number in range(100)]
    assert await verdict(open_gate, asked(headers=many)) == (431, "headers-too-large")
    assert await verdict(open_gate, asked(headers=[("x-long", "x" * 40_000)])) == (431, "headers-too-large")


async def test_a_server_that_others_reach_needs_a_key(tmp_path: Path) -> None:
    async with gate(tmp_path / "store.db", local=False) as made:
        with pytest.raises(BadInput, match="agentnet keys create"):
            await made.check()
        await made.keys.create("old", expires=PAST)
        with pytest.raises(BadInput, match="agentnet keys create"):
            await made.check()
        await made.keys.create("laptop")
        assert await made.check() == "keys that may use it: 1 (agentnet keys list)"
    async with gate(tmp_path / "store.db", hosts=("net.example.org",)) as made:
        assert "keys that may use it: 1" in await made.check()
    async with gate(tmp_path / "other.db", hosts=("net.example.org",)) as made:
        with pytest.raises(BadInput, match="--allowed-host"):
            await made.check()
    async with gate(tmp_path / "third.db", local=False, token=SECRET) as made:
        assert "nobody may ask yet" in await made.check()
    async with gate(tmp_path / "fourth.db") as made:
        assert "no keys" in await made.check()


def test_the_host_of_its_own_url_is_a_name_of_the_server() -> None:
    def of(url: str) -> HubSettings:
        return HubSettings.of(resolve(), host="127.0.0.1", port=0, lease=15.0, names=["Other.example.org"], url=url)

    hub = of("https://Agents.example.org/v1/")
    assert (hub.url, hub.names) == ("https://Agents.example.org", ("other.example.org", "agents.example.org"))
    for wrong in ("agents.example.org", "ftp://agents.example.org", "https://agents.example.org?a=1"):
        with pytest.raises(BadInput, match="is no base URL: write --url"):
            of(wrong)
