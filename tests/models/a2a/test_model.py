"""An outside agent as a member: a served network asked by another, and servers that lie, stall and send rubbish."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from a2a.types.a2a_pb2 import Task
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from agentnet.contracts.model_specs import A2ASpec
from agentnet.contracts.network import NetworkSpec
from agentnet.contracts.sampling import Sampling
from agentnet.errors import BadResponse, ModelError, ModelUnavailable, RateLimited, SchemaUnsupported
from agentnet.models.a2a.model import A2AModel
from agentnet.models.a2a.replies import Heard
from agentnet.models.base import Request
from agentnet.serving.keys import NodeKey
from agentnet.serving.process import listen, serving, url_of
from agentnet.session import open_session
from tests.serving.a2a.conftest import served

ASKED = Request(({"role": "user", "content": "What is 17 * 23?"},), Sampling(max_tokens=64))
Answer = Callable[[HttpRequest], Awaitable[Response]]


@asynccontextmanager
async def asking(url: str, **fields: Any) -> AsyncIterator[A2AModel]:
    """A model of the agent at a URL."""
    model = A2AModel(A2ASpec(a2a=url, **fields))
    try:
        yield model
    finally:
        await model.close()


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTNET_KEY_ANN", "ann")


def card(url: str, **fields: Any) -> dict[str, Any]:
    """A card in the form of JSON."""
    face = {"url": f"{url}/rpc", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}
    return {
        "name": "liar", "description": "a test", "version": "1", "supportedInterfaces": [face],
        "capabilities": {"streaming": False}, "defaultInputModes": ["text/plain"],
        "defaultOutputModes": ["text/plain"], "skills": [{"id": "x", "name": "x", "description": "x", "tags": ["x"]}],
    } | fields  # fmt: skip


def streaming(url: str) -> dict[str, Any]:
    return card(url, capabilities={"streaming": True})


@asynccontextmanager
async def liar(answer: Answer | Any = None, make: Callable[[str], Any] = card) -> AsyncIterator[str]:
    """Serve a card, and what a test wants behind it: a function of a request, or the result of every call."""
    listening = listen("127.0.0.1", 0)
    url = url_of(listening)

    async def shown(request: HttpRequest) -> Response:
        made = make(url)
        return made if isinstance(made, Response) else JSONResponse(made)

    async def called(request: HttpRequest) -> Response:
        if callable(answer):
            given: Response = await answer(request)
            return given
        return JSONResponse({"jsonrpc": "2.0", "id": (await request.json())["id"], "result": answer})

    routes = [Route("/.well-known/agent-card.json", shown), Route("/rpc", called, methods=["POST"])]
    async with serving(Starlette(routes=routes), listening):
        yield url


def task(state: str = "COMPLETED", text: str = "391", **fields: Any) -> dict[str, Any]:
    parts = [{"text": text}] if text else []
    artifacts = [{"artifactId": "a", "parts": parts}] if parts else []
    status = {"state": f"TASK_STATE_{state}"}
    return {"task": {"id": "t1", "contextId": "c1", "status": status, "artifacts": artifacts} | fields}


async def failure(url: str, **fields: Any) -> ModelError:
    """What a turn of the agent at a URL raises: one line that names the agent."""
    async with asking(url, **fields) as model:
        with pytest.raises(ModelError) as raised:
            await model.generate(ASKED)
    assert "\n" not in str(raised.value)
    assert url in str(raised.value)
    return raised.value


async def test_a_served_network_answers_as_a_member_of_another(tmp_path: Path) -> None:
    async with served(tmp_path) as server:
        metadata = {"urn:agentnet:run": {"protocol": "team/scout"}}
        agent = {
            "name": "outsider", "pack": "compact",
            "model": {"a2a": server.url, "api_key_env": "AGENTNET_KEY_ANN", "metadata": metadata},
        }  # fmt: skip
        spec = NetworkSpec.model_validate({"name": "mine", "agents": [agent]})
        async with open_session(spec, remember=False) as session:
            assert any("tells no tokens" in note for note in session.prepare("outsider").notes)
            outcome = await session.run("What is 17 * 23?", "outsider")
        (run,) = await server.gateway.session.runs.latest()
    assert outcome.answer == "391"
    assert outcome.usage.calls == 1
    assert outcome.usage.prompt_tokens > 0
    assert run.served is not None
    assert run.served.caller == "ann"


async def test_a_card_has_to_be_signed_by_the_pinned_key(tmp_path: Path) -> None:
    metadata = {"urn:agentnet:run": {"protocol": "team/scout"}}
    async with served(tmp_path) as server, server.http() as http:
        (key,) = (await http.get("/.well-known/jwks.json")).json()["keys"]
        options = {"api_key_env": "AGENTNET_KEY_ANN", "metadata": metadata}
        async with asking(server.url, key=key["x"], **options) as model:
            assert (await model.generate(ASKED)).text == "391"
        other = await failure(server.url, key=NodeKey.new().public, **options)
    assert "did not sign" in str(other)
    async with liar(task()) as url:
        assert "did not sign" in str(await failure(url, key=NodeKey.new().public))


async def test_an_answer_may_come_late_or_as_a_message_or_as_data() -> None:
    states = iter(["WORKING", "WORKING", "COMPLETED"])

    async def late(request: HttpRequest) -> Response:
        body = await request.json()
        found = task(next(states))
        result = found if body["method"] == "SendMessage" else found["task"]
        return JSONResponse({"jsonrpc": "2.0", "id": body["id"], "result": result})

    message = {"message": {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": "3"}, {"text": "91"}]}}
    data = task(text="", artifacts=[{"artifactId": "a", "parts": [{"data": {"x": 391}}]}])
    for answer, expected in ((late, "391"), (message, "3\n\n91"), (data, '{"x": 391.0}')):
        async with liar(answer) as url, asking(url) as model:
            assert (await model.generate(ASKED)).text == expected


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (task("FAILED", "no idea"), "failed"),
        (task("REJECTED"), "rejected"),
        (task("INPUT_REQUIRED"), "nobody answers"),
        (task("AUTH_REQUIRED"), "nobody answers"),
        ({}, ""),
        ("nonsense", ""),
        (None, ""),
    ],
    ids=str,
)
async def test_what_is_no_answer_is_that_members_failure(answer: Any, words: str) -> None:
    async with liar(answer) as url:
        assert words in str(await failure(url))


async def test_a_task_that_never_ends_is_given_up_at_the_deadline() -> None:
    async with liar(task("NO_SUCH_STATE")) as url:
        assert "within 0.3 s" in str(await failure(url, deadline=0.3))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda url: Response("no", 404), "404"),
        (lambda url: Response("<html>", 200), "not A2A"),
        (lambda url: JSONResponse([1, 2]), ""),
        (lambda url: JSONResponse({"name": 7}), ""),
        (lambda url: Response(b"[" * 200_000), ""),
        (lambda url: Response(b" " * 300_000), "more than 262144 bytes"),
        (lambda url: card(url, supportedInterfaces=[]), "interfaces (none)"),
        (lambda url: card("http://169.254.169.254"), "on another server"),
        (lambda url: card(url.replace("127.0.0.1", "user:x@127.0.0.1")), "on another server"),
        (lambda url: card(url, defaultOutputModes=["image/png"]), "not in words"),
        (lambda url: card(url, capabilities={"extensions": [{"uri": "urn:x", "required": True}]}), "urn:x"),
        (lambda url: Response(status_code=302, headers={"location": "http://127.0.0.1:1/"}), "302"),
    ],
)
async def test_a_card_that_cannot_be_used_is_refused(make: Callable[[str], Any], words: str) -> None:
    async with liar(task(), make) as url:
        assert words in str(await failure(url))


def refusing(status: int) -> Answer:
    async def answer(request: HttpRequest) -> Response:
        return Response("x" * 100_000, status)

    return answer


async def test_refusals_of_a_server_are_told_apart() -> None:
    for status, kind, words in (
        (401, ModelError, "another key"),
        (429, RateLimited, "too much to do"),
        (503, ModelUnavailable, "503"),
    ):
        async with liar(refusing(status)) as url:
            found = await failure(url)
        assert isinstance(found, kind)
        assert words in str(found)
    assert isinstance(await failure("http://127.0.0.1:9"), ModelUnavailable)


async def test_an_answer_is_bounded_in_size_and_in_time() -> None:
    async with liar(task(text="x" * 300_000)) as url:
        assert "bytes" in str(await failure(url))
    async with liar(task(text="é" * 40_000)) as url, asking(url) as model:
        completion = await model.generate(ASKED)
        assert completion.finish == "length"
        assert len(completion.text.encode()) <= 16 * 64 + 64 * 1024

    async def forever(request: HttpRequest) -> Response:
        async def pings() -> AsyncIterator[bytes]:
            while True:
                yield b": ping\n\n"
                await asyncio.sleep(0.01)

        return StreamingResponse(pings(), media_type="text/event-stream")

    async with liar(forever, streaming) as url:
        assert "within 0.3 s" in str(await failure(url, deadline=0.3))


async def test_a_stream_is_put_together_and_another_tasks_events_are_refused() -> None:
    def streamed(*events: dict[str, Any]) -> Answer:
        async def answer(request: HttpRequest) -> Response:
            id = (await request.json())["id"]
            lines = (f"data: {json.dumps({'jsonrpc': '2.0', 'id': id, 'result': event})}\n\n" for event in events)
            return Response("".join(lines), media_type="text/event-stream")

        return answer

    def piece(text: str, task: str = "t1", **fields: Any) -> dict[str, Any]:
        artifact = {"artifactId": "a", "parts": [{"text": text}]}
        return {"artifactUpdate": {"taskId": task, "contextId": "c1", "artifact": artifact} | fields}

    done = {"statusUpdate": {"taskId": "t1", "contextId": "c1", "status": {"state": "TASK_STATE_COMPLETED"}}}
    begun = task("WORKING", "")
    streaming = lambda url: card(url, capabilities={"streaming": True})  # noqa: E731
    async with (
        liar(streamed(begun, piece("39"), piece("1", append=True), done), streaming) as url,
        asking(url) as model,
    ):
        assert (await model.generate(ASKED)).text == "39\n\n1"
    async with liar(streamed(begun, piece("666", task="t2"), done), streaming) as url:
        assert isinstance(await failure(url), BadResponse)


async def test_a_turn_that_is_cancelled_is_cancelled_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, now = asyncio.Event(), Heard.now

    def noted(heard: Heard, task: Task) -> None:
        now(heard, task)
        begun.set()

    monkeypatch.setattr(Heard, "now", noted)
    async with served(tmp_path) as server:
        metadata = {"urn:agentnet:run": {"protocol": "team/atlas"}}
        async with asking(server.url, api_key_env="AGENTNET_KEY_ANN", metadata=metadata) as model:
            work = asyncio.create_task(model.generate(ASKED))
            await server.gate.asked.wait()
            await begun.wait()
            work.cancel()
            await asyncio.wait([work])
            (run,) = await server.gateway.session.runs.latest()
            while run.status == "running":
                await asyncio.sleep(0.01)
                (run,) = await server.gateway.session.runs.latest()
    assert run.status == "cancelled"


async def test_what_an_agent_cannot_do_is_refused_before_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with asking("http://127.0.0.1:9") as model:
        with pytest.raises(SchemaUnsupported):
            await model.generate(Request(ASKED.messages, schema={"type": "object"}))
    with pytest.raises(ModelError, match="no user"):
        A2AModel(A2ASpec(a2a="http://ann:x@127.0.0.1:9"))
    monkeypatch.setenv("SOME_TOKEN", "x")
    with pytest.raises(ModelError, match="SOME_TOKEN"):
        A2AModel(A2ASpec(a2a="http://127.0.0.1:9", api_key_env="SOME_TOKEN"))


def test_a_pinned_key_is_that_of_a_node_or_gateway() -> None:
    assert len(base64.urlsafe_b64decode(NodeKey.new().public + "=")) == 32
    spec = A2ASpec.model_validate({"a2a": "http://127.0.0.1:9", "key": NodeKey.new().public})
    assert spec.whole_turn == 300
