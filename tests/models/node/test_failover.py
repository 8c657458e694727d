"""A request that a node fails goes to another replica, and the reply says which node gave it."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest
from starlette.requests import Request as Asked
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from agentnet.contracts.nodes import NodeRecord, NodeSpec
from agentnet.errors import ContextOverflow, ModelUnavailable
from agentnet.models.base import Completion, Request
from agentnet.models.node.directory import Directory
from agentnet.models.node.model import NodeModel, SteppingNodeModel
from agentnet.models.node.prefixes import Prompt
from tests.models.node.nodes import NEAR, offer, served

REQUEST = Request(({"role": "user", "content": "What is 17 × 23?"},))
USAGE = {"prompt_tokens": 7, "completion_tokens": 3}
NOW = datetime.now(UTC)

Behaviour = Callable[[Asked], Response | Awaitable[Response]]


def completion(text: str) -> Response:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return JSONResponse({"choices": [choice], "usage": USAGE})


def streamed(*pieces: str, breaks: bool = False) -> Response:
    async def events() -> AsyncIterator[str]:
        for piece in pieces:
            yield f"data: {json.dumps({'choices': [{'index': 0, 'delta': {'content': piece}}]})}\n\n"
        if breaks:
            raise ConnectionError("the node dies")
        last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": USAGE}
        yield f"data: {json.dumps(last)}\n\ndata: [DONE]\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")


def refuses(status: int, code: str = "busy") -> Response:
    return JSONResponse({"error": {"message": "no", "type": "x", "param": None, "code": code}}, status)


class Nodes:
    """Replicas of one member; the first of them is asked first."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self.records: list[NodeRecord] = []
        self.asked: list[str] = []
        self.directory = Directory(seed=1)

    async def add(self, name: str, behaviour: Behaviour | None) -> None:
        """Add a node that answers like `behaviour`; one that cannot be reached without."""

        async def chat(request: Asked) -> Response:
            self.asked.append(name)
            assert behaviour is not None
            answer = behaviour(request)
            return answer if isinstance(answer, Response) else await answer

        if behaviour is None:
            with socket.create_server(("127.0.0.1", 0)) as closed:
                url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        else:
            route = Route("/v1/chat/completions", chat, methods=["POST"])
            url = await self._stack.enter_async_context(served([route]))
        state = "active" if not self.records else "suspect"
        self.records.append(
            NodeRecord(
                key=name,
                name=name,
                url=url,
                state=state,  # type: ignore[arg-type]
                offers=(offer("math"),),
                lease="1",
                joined=NOW,
                heard=NOW,
                until=NOW + timedelta(seconds=15),
            )
        )
        self.directory.update(self.records)

    def model(self, timeout: float = 20.0) -> NodeModel:
        spec = NodeSpec(member="math", digest=offer("math").digest, timeout=timeout)
        return NodeModel(spec, self.directory, offer("math"), NEAR)


@pytest.fixture
async def nodes() -> AsyncIterator[Nodes]:
    async with AsyncExitStack() as stack:
        yield Nodes(stack)


async def text_of(model: NodeModel) -> tuple[str, Completion]:
    chunks = [chunk async for chunk in model.stream(REQUEST)]
    last = chunks[-1].completion
    assert last is not None
    return "".join(chunk.text for chunk in chunks), last


FAILING: dict[str, Behaviour | None] = {
    "cannot be reached": None,
    "is busy": lambda _: refuses(429),
    "fails": lambda _: refuses(500),
    "says something else": lambda _: JSONResponse({"hello": "you"}),
    "breaks off": lambda _: streamed(breaks=True),
}


@pytest.mark.parametrize("behaviour", FAILING.values(), ids=FAILING.keys())
async def test_another_replica_answers(nodes: Nodes, behaviour: Behaviour | None) -> None:
    await nodes.add("first", behaviour)
    await nodes.add("second", lambda _: completion("391"))
    model = nodes.model()
    reply = await model.generate(REQUEST)
    await model.close()
    assert (reply.text, reply.served_by) == ("391", "second")
    assert (reply.usage.calls, reply.usage.prompt_tokens) == (1, 7)
    assert [endpoint.key for endpoint in nodes.directory.endpoints("math", offer("math").digest)][-1] == "first"


async def test_a_node_that_never_answers_is_given_up_when_it_is_known_to_be_gone(nodes: Nodes) -> None:
    reached = asyncio.Event()

    async def never(_: Asked) -> Response:
        reached.set()
        await asyncio.sleep(60)
        return completion("late")

    await nodes.add("first", never)
    await nodes.add("second", lambda _: completion("391"))
    model = nodes.model()
    work = asyncio.create_task(model.generate(REQUEST))
    await reached.wait()
    nodes.directory.update(nodes.records[1:])
    reply = await asyncio.wait_for(work, 20)
    await model.close()
    assert reply.served_by == "second"


async def test_a_question_that_is_wrong_is_asked_once(nodes: Nodes) -> None:
    await nodes.add("first", lambda _: refuses(400, "context_length_exceeded"))
    await nodes.add("second", lambda _: completion("391"))
    model = nodes.model()
    with pytest.raises(ContextOverflow):
        await model.generate(REQUEST)
    await model.close()
    assert nodes.asked == ["first"]


async def test_a_streamed_reply_goes_on_where_the_node_broke_off(nodes: Nodes) -> None:
    await nodes.add("first", lambda _: streamed("so ", "it is", breaks=True))
    await nodes.add("second", lambda _: streamed("so", " it is => ", "391"))
    model = nodes.model()
    text, last = await text_of(model)
    await model.close()
    assert text == last.text == "so it is => 391"
    assert last.served_by == "second"


async def test_what_was_seen_cannot_be_taken_back(nodes: Nodes) -> None:
    await nodes.add("first", lambda _: streamed("so it is", breaks=True))
    await nodes.add("second", lambda _: streamed("it is 391"))
    model = nodes.model()
    with pytest.raises(ModelUnavailable, match="does not continue"):
        await text_of(model)
    await model.close()


async def test_a_session_that_was_not_opened_left_nothing_in_the_cache(nodes: Nodes) -> None:
    await nodes.add("first", lambda _: refuses(500))
    model = SteppingNodeModel(
        NodeSpec(member="math", digest=offer("math").digest), nodes.directory, offer("math"), NEAR
    )
    long = Request(({"role": "user", "content": "What is 17 × 23? " * 100},))
    with pytest.raises(ModelUnavailable, match="no session of tokens can be opened"):
        await model.open_session(long)
    await model.close()
    (replicas,) = nodes.directory._replicas.values()
    assert replicas.prefixes.held("first", Prompt.of_messages(long.messages)) == 0


async def test_no_node_is_one_clear_line(nodes: Nodes) -> None:
    model = nodes.model()
    with pytest.raises(ModelUnavailable, match="no node serves math now"):
        await model.generate(REQUEST)
    await model.close()
