"""Nodes that join a hub: those that may, and those that may not."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from agentnet.contracts.joining import Heartbeat, Register
from agentnet.contracts.nodes import Load
from agentnet.errors import BadInput, HubUnavailable, LeaseOver, NodeRefused, NodeReplaced, StoreError
from agentnet.models.addresses import JOINED
from agentnet.models.openai.transport import http
from agentnet.serving import proving
from agentnet.serving.keys import NodeKey
from agentnet.serving.node.client import HubClient
from tests.models.conftest import Answer, Loopback
from tests.serving.hubs import Peer, RunningHub, hub, offer, peer, served

TOKEN = "a long and secret word"


@pytest.fixture
async def team(tmp_path: Path) -> AsyncIterator[RunningHub]:
    async with hub(tmp_path / "store.db") as running:
        yield running


async def post(url: str, body: Any) -> tuple[int, Any, str | None]:
    """Send a body as it is; returns the status, the answer, and the next nonce."""
    async with http.AsyncClient() as client:
        answer = await client.post(f"{url}/hub/v1/nodes", json=body)
        return answer.status_code, answer.json(), answer.headers.get("replay-nonce")


async def nonce(url: str) -> str:
    async with http.AsyncClient() as client:
        return str((await client.get(f"{url}/hub/v1/nonce")).json()["nonce"])


async def test_a_node_joins_says_how_it_is_and_leaves(team: RunningHub) -> None:
    async with peer(team.url, load=lambda: Load(running=2, queued=3), access="a secret of the node") as box:
        registered = await box.membership.join()
        assert (registered.network, registered.lease_seconds, registered.heartbeat_seconds) == ("team", 15.0, 5.0)
        known = (await team.nodes())["box"]
        assert (known.state, known.url, known.load.queued) == ("active", box.card.url, 3)
        assert known.access == "a secret of the node"
        await box.membership.drain()
        assert (await team.states())["box"] == "draining"
        await box.membership.leave()
        assert (await team.states())["box"] == "gone"
        assert box.said == []


async def test_what_the_hub_shows_lets_nobody_speak_for_a_node(team: RunningHub) -> None:
    async with peer(team.url, access="a secret of the node") as box:
        registered = await box.membership.join()
        async with http.AsyncClient() as client:
            shown = (await client.get(f"{team.url}/hub/v1/nodes")).json()
            about = (await client.get(f"{team.url}/hub/v1")).json()
        assert [node["name"] for node in shown["nodes"]] == ["box"]
        assert "a secret of the node" not in str(shown)
        assert registered.lease not in str(shown)
        assert about["network"] == "team"


async def test_a_request_that_was_overheard_cannot_be_sent_again(team: RunningHub) -> None:
    async with peer(team.url) as box:
        registered = await box.membership.join()
        beat = Heartbeat(nonce=await nonce(team.url), key=box.key.public, lease=registered.lease)
        signed = box.key.sign(beat.model_dump(mode="json")).model_dump()
        assert (await post(team.url, signed))[0] == 200
        status, answer, fresh = await post(team.url, signed)
        assert (status, answer["error"]["code"]) == (409, "bad-nonce")
        assert fresh is not None
        # With another nonce it is another request, which the signature is not of.
        forged = {**signed, "payload": {**signed["payload"], "nonce": fresh}}
        assert (await post(team.url, forged))[1]["error"]["code"] == "node-refused"


async def test_nobody_speaks_for_a_key_that_is_not_theirs(team: RunningHub) -> None:
    thief = NodeKey.new()
    async with peer(team.url) as box:
        registered = await box.membership.join()
        for request in (
            Heartbeat(nonce=await nonce(team.url), key=box.key.public, lease=registered.lease),
            Register(nonce=await nonce(team.url), card=box.card),
        ):
            signed = thief.sign(request.model_dump(mode="json")).model_dump()
            status, answer, _ = await post(team.url, signed)
            assert (status, answer["error"]["code"]) == (403, "node-refused")
            assert "signature" in answer["error"]["message"]


@pytest.mark.parametrize("body", [{}, {"payload": 1}, {"payload": {}, "protected": "", "signature": ""}, [], "x"])
async def test_what_is_no_request_of_a_node(team: RunningHub, body: Any) -> None:
    status, answer, fresh = await post(team.url, body)
    assert status == 400
    assert answer["error"]["message"]
    assert fresh is not None


async def test_two_nodes_with_one_name(team: RunningHub) -> None:
    async with peer(team.url, "box") as first, peer(team.url, "box", offer("other", "d2")) as second:
        await first.membership.join()
        with pytest.raises(
            NodeRefused, match=f"the name 'box' belongs to another node, with the key {first.key.public[:8]}"
        ):
            await second.membership.join()
        assert (await first.client.heartbeat((await team.nodes())["box"].lease, Load())).state == "active"


async def test_one_name_with_one_digest_is_one_member_and_with_another_is_refused(team: RunningHub) -> None:
    async with (
        peer(team.url, "one", offer("poet", "d1")) as one,
        peer(team.url, "two", offer("poet", "d1")) as two,
        peer(team.url, "three", offer("poet", "d2")) as three,
        peer(team.url, "four", offer("math", "d4")) as four,
    ):
        await one.membership.join()
        await two.membership.join()
        with pytest.raises(NodeRefused, match="node one offers another model as 'poet'"):
            await three.membership.join()
        with pytest.raises(NodeRefused, match="'math' is a member of the network itself"):
            await four.membership.join()
        assert await team.states() == {"one": "active", "two": "active"}


async def test_a_stolen_key_cannot_be_used_while_its_owner_is_there(team: RunningHub) -> None:
    async with peer(team.url, "box") as owner:
        await owner.membership.join()
        async with peer(team.url, "box", key=owner.key) as thief:
            with pytest.raises(NodeRefused, match=f"the key of node box is in use at {owner.card.url}"):
                await thief.membership.join()
        known = (await team.nodes())["box"]
        assert (known.url, known.state) == (owner.card.url, "active")
        assert (await owner.client.heartbeat(known.lease, Load())).state == "active"


async def test_a_process_that_was_killed_comes_back_at_once_at_another_address(team: RunningHub) -> None:
    async with peer(team.url, "box") as before:
        await before.membership.join()
        lease = (await team.nodes())["box"].lease
    async with peer(team.url, "box", key=before.key) as after:
        await after.membership.join()
        known = (await team.nodes())["box"]
        assert (known.url, known.state) == (after.card.url, "active")
        assert known.lease != lease
        with pytest.raises(NodeReplaced, match="another process registered as box with this node's key"):
            await after.client.heartbeat(lease, Load())


async def test_of_two_processes_at_one_address_the_first_ends(team: RunningHub) -> None:
    async with peer(team.url, "box") as before:
        await before.membership.join()
        async with peer(team.url, "box", key=before.key, url=before.card.url) as after:
            await after.membership.join()
            before.membership._heartbeat = 0.01
            with pytest.raises(NodeReplaced):
                await asyncio.wait_for(before.membership.keep(), 10)


async def refused(box: Peer) -> str:
    with pytest.raises(NodeRefused) as caught:
        await box.membership.join()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://192.168.1.7:9000", "a member that joined may not bring it: it must begin with https"),
        ("http://169.254.169.254/latest", "must begin with https"),
        ("https://10.0.0.1", "a private address"),
        ("https://user:password@models.example.org", "user before the @"),
        ("ftp://models.example.org", "not the address of a server"),
        ("nonsense", "not the address of a server"),
    ],
)
async def test_addresses_that_a_stranger_may_not_bring(team: RunningHub, url: str, says: str) -> None:
    async with peer(team.url, url=url) as box:
        message = await refused(box)
        assert says in message
        assert "password" not in message
        assert await team.states() == {}


async def test_a_hub_that_others_reach_takes_no_node_of_its_own_machine(tmp_path: Path) -> None:
    async with hub(tmp_path / "store.db", policy=JOINED) as public, peer(public.url) as box:
        assert "must begin with https" in await refused(box)


async def test_an_address_where_nothing_listens(team: RunningHub) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with peer(team.url, url=f"http://127.0.0.1:{port}") as box:
        message = await refused(box)
        assert f"the hub cannot reach http://127.0.0.1:{port}" in message
        assert "--url" in message


async def test_the_address_of_another_server(team: RunningHub, loopback: Loopback) -> None:
    async with peer(team.url, url=loopback.url) as box:
        assert "answers the hub with status 404: is it the address of this node?" in await refused(box)
        loopback.answer = lambda _: Answer(200, {"payload": {}, "protected": "", "signature": ""})
        assert "does not have the key of this node" in await refused(box)
        loopback.answer = lambda _: Answer(200, "hello")
        assert "does not have the key of this node" in await refused(box)
        loopback.answer = lambda _: Answer(302, "", {"location": team.url})
        assert "status 302" in await refused(box)
        loopback.answer = lambda _: Answer(200, "x" * 10_000_000)
        assert await refused(box)
        async with served(NodeKey.new()) as other, peer(team.url, url=other) as liar:
            assert "does not have the key of this node" in await refused(liar)


async def test_a_node_that_accepts_and_never_answers(team: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "PROOF_SECONDS", 0.3)
    silent = await asyncio.start_server(lambda reader, writer: asyncio.sleep(60), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    async with peer(team.url, url=f"http://127.0.0.1:{port}") as box:
        assert "does not answer the hub within 0.3 s" in await refused(box)
    silent.close()


async def test_a_node_that_was_expelled_may_come_back_when_its_owner_says_so(team: RunningHub) -> None:
    async with peer(team.url, "box") as box:
        await box.membership.join()
        await team.roster.expel(box.key.public, "it was always wrong", p0=0.75)
        box.membership._heartbeat = 0.01
        with pytest.raises(NodeRefused, match="node box was expelled: it was always wrong"):
            await asyncio.wait_for(box.membership.keep(), 10)
        assert "it was always wrong" in await refused(box)
        await team.roster.readmit(box.key.public)
        await box.membership.join()
        assert (await team.states())["box"] == "active"


async def test_a_node_that_answers_after_its_lease_registers_again(tmp_path: Path) -> None:
    async with hub(tmp_path / "store.db", lease=1.5, heartbeat=0.2, sweep=0.1) as team, peer(team.url) as box:
        first = await box.membership.join()
        async with asyncio.timeout(60):
            while (await team.states())["box"] != "gone":
                await asyncio.sleep(0.02)
        with pytest.raises(LeaseOver, match="the lease of box is over: register again"):
            await box.client.heartbeat(first.lease, Load())
        keeping = asyncio.create_task(box.membership.keep())
        async with asyncio.timeout(60):
            while "registered again" not in box.said:
                await asyncio.sleep(0.02)
        assert (await team.nodes())["box"].lease != first.lease
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def until(box: Peer, what: str) -> None:
    """Wait until a node has said something."""
    async with asyncio.timeout(60):
        while not any(what in said for said in box.said):
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("forgetful", [False, True])
async def test_a_hub_that_was_away_finds_its_nodes(tmp_path: Path, forgetful: bool) -> None:
    """A hub ends and starts again at the same address, with the same store or with an empty one."""
    async with AsyncExitStack() as first, AsyncExitStack() as second:
        before = await first.enter_async_context(hub(tmp_path / "store.db", heartbeat=0.05))
        box = await second.enter_async_context(peer(before.url, access="a secret of the node"))
        lease = (await box.membership.join()).lease
        keeping = asyncio.create_task(box.membership.keep())
        second.callback(keeping.cancel)
        await first.aclose()
        await until(box, "cannot be reached")
        store = tmp_path / ("other.db" if forgetful else "store.db")
        after = await second.enter_async_context(hub(store, port=before.port, heartbeat=0.05))
        await until(box, "is back")
        known = (await after.nodes())["box"]
        assert known.state == "active"
        assert (known.lease == lease) is not forgetful
        assert len([said for said in box.said if "cannot be reached" in said]) == 1  # once, however often it tried


async def test_a_store_that_is_locked_is_waited_for(team: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    async def locked(*_: Any, **__: Any) -> None:
        raise StoreError("the store is locked by another process")

    async with peer(team.url) as box:
        registered = await box.membership.join()
        with monkeypatch.context() as patch:
            patch.setattr(team.roster, "heartbeat", locked)
            with pytest.raises(HubUnavailable, match="cannot answer now: the store is locked"):
                await box.client.heartbeat(registered.lease, Load())
        assert (await box.client.heartbeat(registered.lease, Load())).state == "active"


async def test_the_owner_of_a_key_can_let_its_node_leave(team: RunningHub) -> None:
    async with peer(team.url) as box, HubClient(team.url, box.key) as owner:
        with pytest.raises(LeaseOver, match="not in the network"):
            await owner.leave(drain=True)
        await box.membership.join()
        box.membership._heartbeat = 0.01
        keeping = asyncio.create_task(box.membership.keep())
        assert (await owner.leave(drain=True)).state == "draining"
        await asyncio.wait_for(keeping, 10)
        assert box.said == ["the network wants this node to leave"]


async def test_a_network_that_wants_a_secret(tmp_path: Path) -> None:
    async with hub(tmp_path / "store.db", token=TOKEN) as closed:
        async with peer(closed.url) as box:
            with pytest.raises(BadInput, match=r"does not let this node in: .* \(set AGENTNET_TOKEN\)"):
                await box.membership.join()
        async with peer(closed.url, token=TOKEN) as box:
            await box.membership.join()
            assert (await closed.states())["box"] == "active"


@pytest.mark.parametrize(
    "answer",
    [
        Answer(404, "nothing here"),
        Answer(200, "hello"),
        Answer(200, [1]),
        Answer(200, {"nonce": "n" * 24}),
        Answer(405, {"error": {"message": "no"}}),
        Answer(200, "[" * 100_000),
    ],
)
async def test_what_is_no_hub(loopback: Loopback, answer: Answer) -> None:
    loopback.answer = lambda _: answer
    async with peer(loopback.url) as box:
        with pytest.raises(BadInput, match="is not the hub of a network") as caught:
            await box.membership.join()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(502, "Bad Gateway"),
        Answer(503, "Service Unavailable"),
        Answer(429, "Too Many Requests"),
        Answer(503, [1]),
        Answer(503, {"error": {"message": "too many connections", "code": "busy"}}),
        Answer(429, {"error": {"message": "later"}}),
    ],
)
async def test_a_hub_that_cannot_answer_now_is_tried_again(loopback: Loopback, answer: Answer) -> None:
    """A proxy says so while the hub behind it starts again, and a server that has too many connections."""
    loopback.answer = lambda _: answer
    async with peer(loopback.url) as box:
        with pytest.raises(HubUnavailable, match="cannot answer now"):
            await box.membership.join()


@pytest.mark.parametrize("nonce", [None, 5, "", "x" * 100])
async def test_a_hub_without_nonces(loopback: Loopback, nonce: Any) -> None:
    loopback.answer = lambda _: Answer(200, {"nonce": nonce})
    async with peer(loopback.url) as box:
        with pytest.raises(BadInput, match="sent no nonce"):
            await box.membership.join()


@pytest.mark.parametrize("url", ["nonsense", "ftp://host", "http://", "http://host:99999"])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(BadInput, match="not the address of a server"):
        HubClient(url, NodeKey.new())
