"""The agent card: signed, for everybody, and about the members that are there now; and what HTTP says around it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import jwt
import pytest
from a2a.client.card_resolver import A2ACardResolver
from a2a.types.a2a_pb2 import AgentCard
from a2a.utils.signing import InvalidSignaturesError, create_signature_verifier
from google.protobuf.json_format import MessageToDict

from agentnet.contracts.network import NetworkSpec
from agentnet.network import Network
from agentnet.serving.keys import ALGORITHM

from .conftest import Served, members, request, served


@dataclass
class Living:
    """Members that change."""

    snapshots: list[Network]
    now: int = 0

    def snapshot(self) -> Network:
        return self.snapshots[self.now]

    def lease(self, like: NetworkSpec | None = None) -> AbstractAsyncContextManager[Network]:
        return nullcontext(self.snapshot())


async def card_of(server: Served, name: str = "nobody") -> AgentCard:
    async with server.http(name) as http:
        return await A2ACardResolver(http, server.url).get_agent_card()


async def test_the_card_says_what_can_be_asked_and_where(server: Served) -> None:
    card = await card_of(server)
    assert card.name == "team"
    assert {(face.protocol_binding, face.url) for face in card.supported_interfaces} == {
        ("JSONRPC", f"{server.url}/a2a"),
        ("HTTP+JSON", f"{server.url}/a2a"),
    }
    assert (card.capabilities.streaming, card.capabilities.push_notifications) == (True, False)
    skills = {skill.id: skill for skill in card.skills}
    assert next(iter(skills)) == "auto"
    assert {"debate", "team/scout", "team/maria"} <= set(skills)
    assert "verification" not in skills  # nobody here verifies
    assert "waits for maria" in skills["team/maria"].description


async def test_the_card_asks_for_a_key_where_there_are_keys(server: Served) -> None:
    assert not (await card_of(server)).security_requirements
    storage = server.gateway.session.storage
    assert storage is not None
    await storage.keys.create("ann", scopes=("ask",))
    assert (await card_of(server)).security_requirements[0].schemes.keys() == {"bearer"}


async def test_the_card_is_signed_by_the_gateways_key(server: Served) -> None:
    card = await card_of(server)
    async with server.http() as http:
        (key,) = (await http.get("/.well-known/jwks.json")).json()["keys"]
    assert "d" not in key

    def provider(kid: str | None, jku: str | None) -> jwt.PyJWK:
        assert (kid, jku) == (key["kid"], f"{server.url}/.well-known/jwks.json")
        return jwt.PyJWK(key)

    verify = create_signature_verifier(provider, [ALGORITHM])
    verify(card)
    card.description = "something else"
    with pytest.raises(InvalidSignaturesError):
        verify(card)


async def test_the_key_is_kept_and_the_card_cached(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("kept")
    signatures = []
    for _ in range(2):
        async with served(folder) as server, server.http() as http:
            first = await http.get("/.well-known/agent-card.json")
            assert "max-age" in first.headers["cache-control"]
            again = await http.get("/.well-known/agent-card.json", headers={"if-none-match": first.headers["etag"]})
            assert again.status_code == 304
            signatures.append(first.json()["signatures"][0])
    kids = [jwt.get_unverified_header(f"{signature['protected']}..")["kid"] for signature in signatures]
    assert kids[0] == kids[1]


async def test_the_card_follows_the_members(tmp_path: Path) -> None:
    network, _, _ = members()
    rest = [agent for agent in network if agent.name != "scout"]
    without = NetworkSpec(name="team", agents=tuple(agent for agent in network.spec.agents if agent.name != "scout"))
    living = Living([network, Network(without, rest)])
    async with served(tmp_path, living) as server:
        before = {skill.id for skill in (await card_of(server)).skills}
        living.now += 1
        after = {skill.id for skill in (await card_of(server)).skills}
    assert before - after >= {"team/scout"}


async def test_http_says_what_the_specification_says(server: Served) -> None:
    message = MessageToDict(request())
    async with server.http() as http:
        plain = await http.post("/a2a/message:send", json=message)
        own = await http.post("/a2a/message:send", json=message, headers={"accept": "application/a2a+json"})
        assert [response.headers["content-type"] for response in (plain, own)] == [
            "application/json",
            "application/a2a+json",
        ]
        form = {"content-type": "text/plain"}
        rest = await http.post("/a2a/message:send", content="{}", headers=form)
        assert (rest.status_code, rest.json()["error"]["details"][0]["reason"]) == (415, "CONTENT_TYPE_NOT_SUPPORTED")
        rpc = await http.post("/a2a", content="{}", headers=form)
        assert rpc.json()["error"]["code"] == -32005
        over = await http.post(f"/a2a/tasks/{plain.json()['task']['id']}:cancel")
        assert (over.status_code, over.json()["error"]["details"][0]["reason"]) == (409, "TASK_NOT_CANCELABLE")
        old = await http.get("/a2a/tasks", headers={"a2a-version": "0.3"})
        assert old.json()["error"]["details"][0]["reason"] == "VERSION_NOT_SUPPORTED"
        for body in (b"\xff", b"{", b"[" * 50_000, b'{"message": {"parts": [{"data": NaN}]}}', b'{"x": 1e400}'):
            bad = await http.post("/a2a/message:send", content=body, headers={"content-type": "application/json"})
            assert (bad.status_code, bad.json()["error"]["details"][0]["reason"]) == (400, "INVALID_REQUEST")
            bad = await http.post("/a2a", content=body, headers={"content-type": "application/json"})
            assert bad.json()["error"]["code"] == -32700
        for path in ("/a2a/nothing", "/tenant/message:send", "/a2a/tasks/x/y"):
            assert (await http.get(path)).status_code == 404
