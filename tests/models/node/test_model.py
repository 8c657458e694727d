"""A member on several nodes: what one fails, another answers, as long as nothing was seen of the reply."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.nodes import Abilities, NodeRecord, NodeSpec, Offer
from agentnet.contracts.sampling import Sampling
from agentnet.errors import ModelUnavailable
from agentnet.models.base import Request, Scorer
from agentnet.models.llama import LlamaModel
from agentnet.models.node.client import SCORE_PATH
from agentnet.models.node.directory import Directory
from agentnet.models.node.model import NodeModel, SteppingNodeModel, node_model
from agentnet.models.tokens import Argmax, TokenStepper
from agentnet.zoo import catalog
from tests.models.node.nodes import NEAR, Here, offer, served, service

ASK = Request(({"role": "user", "content": "What is 347 + 285?\nsolve"},), Sampling(max_tokens=60))
OFFER = offer("math")
PATH = catalog.path("math")
CHAT = "/v1/chat/completions"


def record(key: str, url: str, *, access: str = "") -> NodeRecord:
    now = datetime.now(UTC)
    return NodeRecord(
        key=key, name=f"node-{key}", url=url, state="active", offers=(OFFER,), access=access, lease=key,
        joined=now, heard=now, until=now,
    )  # fmt: skip


def reply(text: str, status: int = 200) -> Route:
    async def answer(request: HttpRequest) -> Response:
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        return JSONResponse({"object": "chat.completion", "choices": [choice]}, status)

    return Route(CHAT, answer, methods=["POST"])


@asynccontextmanager
async def on_nodes(*records: NodeRecord, kind: Offer = OFFER) -> AsyncIterator[tuple[NodeModel, Directory]]:
    directory = Directory(seed=1)
    directory.update(records)
    model = node_model(NodeSpec(member="math", digest=OFFER.digest, timeout=5), directory, kind, NEAR)
    try:
        yield model, directory
    finally:
        await model.close()


async def test_a_request_that_one_node_fails_is_answered_by_another() -> None:
    async with served([reply("no", 503)]) as broken, served([reply("yes")]) as sound:
        gone = record("a", "http://127.0.0.1:9")
        async with on_nodes(gone, record("b", broken), record("c", sound)) as (model, _):
            for _ in range(4):
                completion = await model.generate(ASK)
                assert (completion.text, completion.served_by) == ("yes", "node-c")


async def test_where_no_node_is_left_the_failure_says_so() -> None:
    async with on_nodes() as (model, _):
        with pytest.raises(ModelUnavailable, match="no node serves math now"):
            await model.generate(ASK)
    async with on_nodes(record("a", "http://127.0.0.1:9")) as (model, _):
        with pytest.raises(ModelUnavailable, match=r"127\.0\.0\.1:9"):
            await model.generate(ASK)


async def test_a_node_that_is_gone_is_not_waited_for() -> None:
    asked = asyncio.Event()

    async def silent(request: HttpRequest) -> Response:
        asked.set()
        await asyncio.sleep(60)
        return Response()

    async with served([Route(CHAT, silent, methods=["POST"])]) as url, on_nodes(record("a", url)) as (model, directory):
        waiting = asyncio.create_task(model.generate(ASK))
        await asyncio.wait_for(asked.wait(), 20)
        directory.update([])
        with pytest.raises(ModelUnavailable, match="node-a is gone"):
            await asyncio.wait_for(waiting, 2)


async def test_the_access_of_a_node_is_sent_to_it_alone() -> None:
    heard: list[str | None] = []

    async def score(request: HttpRequest) -> Response:
        heard.append(request.headers.get("authorization"))
        return JSONResponse({"logprobs": [[-1.0], [-2.0]], "usage": {}})

    routes = [Route(SCORE_PATH, score, methods=["POST"])]
    async with served(routes) as url, on_nodes(record("a", url, access="secret")) as (model, _):
        assert isinstance(model, Scorer)
        scores = await model.score_choices(ASK, ["yes", "no"])
    assert heard == ["Bearer secret"]
    assert (scores.totals, scores.served_by) == ((-1.0, -2.0), "node-a")


async def test_a_session_opens_on_a_node_that_can_be_reached() -> None:
    here = LlamaModel(PATH, LlamaSpec(path=str(PATH), threads=1, sequences=2))
    gone = record("a", "http://127.0.0.1:9")
    routes = service({"math": Here(here, PATH)}).routes()
    async with served(routes) as url, on_nodes(gone, record("b", url)) as (model, _):
        assert isinstance(model, SteppingNodeModel)
        for _ in range(3):
            session = await model.open_session(ASK)
            assert isinstance(await session.step([], Argmax()), int)
            session.close()
    await here.close()


def test_a_model_can_what_its_nodes_offer() -> None:
    spec, directory = NodeSpec(member="math", digest=OFFER.digest), Directory()
    able = OFFER.model_copy(update={"abilities": Abilities(grammar=True)})
    plain = node_model(spec, directory, able, NEAR)
    assert not isinstance(plain, Scorer | TokenStepper)
    assert plain.capabilities.grammar
    assert isinstance(node_model(spec, directory, OFFER, NEAR), TokenStepper)
