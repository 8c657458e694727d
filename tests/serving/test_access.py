"""Who is let in: with a token, and without."""

from __future__ import annotations

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from agentnet.contracts.joining import PROOF_PATH
from agentnet.models.openai.transport import http
from agentnet.serving.app import Door
from tests.serving.conftest import WaitingNode

TOKEN = "a long and secret word"


@pytest.mark.parametrize("given", [None, "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer é"])
async def test_without_the_token_nothing_is_answered(waiting_node: WaitingNode, given: str | None) -> None:
    async with waiting_node(door=Door(TOKEN, {PROOF_PATH})) as (node, _):
        headers = {} if given is None else {"authorization": given.encode()}
        async with http.AsyncClient(base_url=node.url, headers=headers) as client:
            answer = await client.get("/v1/models")
            assert answer.status_code == 401
            assert answer.json()["error"]["code"] == "unauthorized"
            assert TOKEN not in answer.text
            assert (await client.post(PROOF_PATH, json={"nonce": "n" * 24})).status_code == 200


async def test_with_the_token_everything_is(waiting_node: WaitingNode) -> None:
    async with waiting_node(door=Door(TOKEN)) as (node, _):
        headers = {"authorization": f"bearer {TOKEN}", "host": "node.example.org"}
        async with http.AsyncClient(base_url=node.url, headers=headers) as client:
            assert (await client.get("/v1/models")).status_code == 200


async def test_a_websocket_needs_the_token_too(waiting_node: WaitingNode) -> None:
    async with waiting_node(door=Door(TOKEN)) as (node, _):
        with pytest.raises(InvalidStatus) as refused:
            await connect(node.url.replace("http", "ws") + "/node/v1/tokens")
        assert refused.value.response.status_code == 403
