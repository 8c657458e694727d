"""`OpenAIModel` against a loopback HTTP server that answers well, badly, late, or not at all."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import openai
import pytest
from tenacity import RetryCallState

from agentnet import errors
from agentnet.contracts.model_specs import OpenAISpec
from agentnet.contracts.sampling import Sampling
from agentnet.models.base import Model, Request
from agentnet.models.remote import OpenAIModel
from agentnet.models.remote_errors import wanted_pause
from tests.models.conftest import Answer, Asked, Loopback

ASK = Request(({"role": "user", "content": "What is 2 + 2?"},))
SCHEMA = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


def model(server: Loopback, **settings: Any) -> OpenAIModel:
    values: dict[str, Any] = {"model": "m", "base_url": f"{server.url}/v1", "max_wait": 0.01, "timeout": 10}
    return OpenAIModel(OpenAISpec(**(values | settings)))


def good(text: str | None = "4", finish: str | None = "stop", **more: Any) -> Answer:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    usage = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
    return Answer(body={"id": "1", "object": "chat.completion", "choices": [choice], "usage": usage} | more)


def events(*bodies: Any, done: bool = True) -> Answer:
    lines = [f"data: {body if isinstance(body, str) else json.dumps(body)}\n\n" for body in bodies]
    return Answer(body="".join([*lines, "data: [DONE]\n\n" if done else ""]), kind="text/event-stream")


def piece(text: str | None, finish: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]}


def in_turn(*answers: Answer) -> Callable[[Asked], Answer]:
    """The answers one after the other, the last one for ever."""
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def refusing(field: str, why: str, status: int = 400, then: Answer | None = None) -> Callable[[Asked], Answer]:
    refusal = Answer(status, {"error": {"message": why, "type": "invalid_request_error"}})
    return lambda asked: refusal if field in asked.body else then or good()


async def failure(made: OpenAIModel, request: Request = ASK) -> str:
    """The message of the error that a request ends in; checks its form."""
    with pytest.raises(errors.ModelError) as caught:
        await made.generate(request)
    await made.close()
    assert "\n" not in str(caught.value)
    return f"{type(caught.value).__name__}: {caught.value}"


async def test_a_reply(loopback: Loopback) -> None:
    loopback.answer = lambda _: good(usage={"prompt_tokens": 7, "completion_tokens": 2, "prompt_tokens_details": None})
    made = model(loopback)
    assert isinstance(made, Model)
    done = await made.generate(
        Request(ASK.messages, Sampling(max_tokens=9, temperature=0.5, top_k=3, min_p=0.1, seed=1, stop=("!",)))
    )
    assert (done.text, done.finish, done.logprobs) == ("4", "stop", None)
    assert (done.usage.calls, done.usage.prompt_tokens, done.usage.completion_tokens) == (1, 7, 2)
    assert done.usage.seconds > 0
    asked = loopback.asked[0]
    assert asked.path == "/v1/chat/completions"
    assert "authorization" not in asked.headers
    assert asked.body == {
        "model": "m", "messages": list(ASK.messages), "max_tokens": 9, "temperature": 0.5, "top_p": 1.0, "top_k": 3,
        "min_p": 0.1, "seed": 1, "stop": ["!"],
    }  # fmt: skip
    await made.close()
    await made.close()
    assert "closed" in await failure(made)


async def test_settings_that_are_not_set_are_not_sent(loopback: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    loopback.answer = lambda _: good(usage=None)
    monkeypatch.setenv("SOME_KEY", "secret")
    monkeypatch.setenv("SOME_URL", f"{loopback.url}/v1/")
    made = OpenAIModel(
        OpenAISpec(model="m", api_key_env="SOME_KEY", base_url_env="SOME_URL", extra_body={"enable_thinking": False})
    )
    done = await made.generate(ASK)
    assert done.usage.tokens == 0
    assert set(loopback.asked[0].body) == {"model", "messages", "max_tokens", "temperature", "top_p", "enable_thinking"}
    assert loopback.asked[0].headers["authorization"] == "Bearer secret"
    await made.close()


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
async def test_passing_failures_are_retried(loopback: Loopback, status: int) -> None:
    loopback.answer = in_turn(Answer(status, "busy"), Answer(status, {"error": {"message": "busy"}}), good())
    made = model(loopback)
    assert (await made.generate(ASK)).text == "4"
    assert len(loopback.asked) == 3
    await made.close()


async def test_too_many_requests_end_as_rate_limited(loopback: Loopback) -> None:
    loopback.answer = lambda _: Answer(429, {"error": {"message": "slow down"}}, {"retry-after": "3600"})
    said = await failure(model(loopback, attempts=3))
    assert said.startswith("RateLimited")
    assert "3 tries" in said
    assert "slow down" in said
    assert len(loopback.asked) == 3


async def test_a_used_up_quota_is_not_retried(loopback: Loopback) -> None:
    loopback.answer = lambda _: Answer(429, {"error": {"message": "pay first", "code": "insufficient_quota"}})
    assert (await failure(model(loopback))).startswith("RateLimited")
    assert len(loopback.asked) == 1


@pytest.mark.parametrize(
    ("header", "at_least", "at_most"),
    [("2", 2, 2), ("0", 0, 0), ("-5", 0, 0), (formatdate(usegmt=True), 0, 1), (formatdate(4e9, usegmt=True), 1e6, 4e9)],
)
async def test_retry_after(loopback: Loopback, header: str, at_least: float, at_most: float) -> None:
    error = await refused(loopback, {"retry-after": header})
    wanted = wanted_pause(error)
    assert wanted is not None
    assert at_least <= wanted <= at_most


@pytest.mark.parametrize("header", ["soon", "", "nan", "inf", "Mon, 99 Foo 2026"])
async def test_a_retry_after_that_says_nothing(loopback: Loopback, header: str) -> None:
    assert wanted_pause(await refused(loopback, {"retry-after": header})) is None


async def refused(server: Loopback, headers: dict[str, str]) -> Exception:
    """A real refusal, as the client library raises it."""
    server.answer = lambda _: Answer(429, "no", headers)
    async with openai.AsyncOpenAI(api_key="k", base_url=server.url, max_retries=0) as client:
        with pytest.raises(openai.RateLimitError) as caught:
            await client.post("/chat/completions", body={}, cast_to=object)
    return caught.value


@pytest.mark.parametrize(("wanted", "longest", "pause"), [("7", 30.0, 7.0), ("7", 2.0, 2.0), ("0", 2.0, 0.0)])
async def test_the_pause_is_the_servers_within_bounds(
    loopback: Loopback, wanted: str, longest: float, pause: float
) -> None:
    state = RetryCallState(retry_object=None, fn=None, args=(), kwargs={})  # type: ignore[arg-type]
    error = await refused(loopback, {"retry-after": wanted})
    state.set_exception((type(error), error, error.__traceback__))
    assert model(loopback, max_wait=longest)._pause(state) == pause


async def test_a_server_that_is_down(loopback: Loopback) -> None:
    made = model(loopback, attempts=2)
    loopback.close()
    said = await failure(made)
    assert said.startswith("ModelUnavailable")
    assert loopback.url in said
    assert "2 tries" in said
    assert "$OPENAI_BASE_URL" in said


async def test_a_server_that_does_not_answer(loopback: Loopback) -> None:
    hold = threading.Event()
    loopback.answer = lambda _: Answer(body="late", hold=hold)
    said = await failure(model(loopback, timeout=0.1, attempts=2))
    hold.set()
    assert said.startswith("ModelUnavailable")
    assert "0.1 s" in said
    assert len(loopback.asked) == 2


async def test_a_connection_that_breaks(loopback: Loopback) -> None:
    cut = Answer(body='{"choices": [', kind="application/json", cut=True)
    loopback.answer = in_turn(cut, good())
    made = model(loopback)
    assert (await made.generate(ASK)).text == "4"
    loopback.answer = lambda _: cut
    assert (await failure(made)).startswith("ModelUnavailable")
    assert len(loopback.asked) == 6


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [
        (401, "ModelError", "environment variable OPENAI_API_KEY"),
        (403, "ModelError", "environment variable OPENAI_API_KEY"),
        (404, "ModelError", "/v1"),
        (418, "ModelError", "418"),
        (500, "ModelUnavailable", "after 2 tries (500)"),
    ],
)
async def test_refusals(loopback: Loopback, monkeypatch: pytest.MonkeyPatch, status: int, kind: str, says: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hidden")
    loopback.answer = lambda _: Answer(status, {"error": {"message": "no\nuse for sk-hidden"}})
    said = await failure(model(loopback, attempts=2))
    assert said.startswith(f"{kind}: {loopback.url}/v1")
    assert says in said
    assert "no use for …" in said
    assert "sk-hidden" not in said


async def test_openai_itself_needs_a_key() -> None:
    assert "environment variable OPENAI_API_KEY" in await failure(OpenAIModel(OpenAISpec(model="m")))


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://x/v1", "http:///v1", "http://[::1/v1", "http://a:port/v1"])
async def test_addresses_that_are_none(url: str) -> None:
    assert url in await failure(OpenAIModel(OpenAISpec(model="m", base_url=url, attempts=1)))


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "This model's maximum context length is 64 tokens", "code": "context_length_exceeded"}},
        {"error": {"message": "the request exceeds the available context size", "type": "exceed_context_size_error"}},
        {"message": "prompt is too long: 9000 tokens > 8000 maximum"},
        "Requested tokens (300) exceed context window of 256",
    ],
)
@pytest.mark.parametrize("status", [400, 413, 500])
async def test_a_prompt_that_is_too_long(loopback: Loopback, status: int, body: Any) -> None:
    loopback.answer = lambda _: Answer(status, body)
    assert (await failure(model(loopback))).startswith("ContextOverflow")
    assert len(loopback.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        Answer(body="<!DOCTYPE html>\n<html><body>Welcome</body></html>", kind="text/html"),
        Answer(body="", kind="application/json"),
        Answer(body='{"choices": [', kind="application/json"),
        Answer(body=b"\xff\xfe\x00", kind="application/json"),
        Answer(body=b"\x00\x01\x02"),
        Answer(body={}),
        Answer(body={"choices": []}),
        Answer(body={"choices": "none"}),
        Answer(body={"choices": [{"message": {"content": 4}}]}),
        Answer(body={"choices": [{"finish_reason": "stop"}]}),
        Answer(body=["4"]),
        Answer(body="null", kind="application/json"),
        good(None),
        good(None, "tool_calls"),
        good(None, "length"),
        good("So far", "content_filter"),
    ],
)
async def test_garbage(loopback: Loopback, answer: Answer) -> None:
    loopback.answer = lambda _: answer
    said = await failure(model(loopback))
    assert said.startswith(f"BadResponse: {loopback.url}/v1")
    assert len(said) < 500
    assert len(loopback.asked) == 1


@pytest.mark.parametrize(
    ("finish", "means"),
    [("stop", "stop"), ("length", "length"), ("max_tokens", "length"), ("eos", "stop"), (None, "stop")],
)
async def test_how_a_reply_ended(loopback: Loopback, finish: str | None, means: str) -> None:
    loopback.answer = lambda _: good("4", finish)
    made = model(loopback)
    assert (await made.generate(ASK)).finish == means
    await made.close()


@pytest.mark.parametrize("status", [400, 422])
async def test_a_refused_response_format_is_remembered(loopback: Loopback, status: int) -> None:
    loopback.answer = refusing("response_format", "response_format is not supported", status)
    made = model(loopback)
    assert made.abilities.schema is None
    asking = Request(ASK.messages, schema=SCHEMA)
    await made.generate(asking)
    await made.generate(asking)
    formats = [asked.body.get("response_format") for asked in loopback.asked]
    assert formats == [
        {"type": "json_schema", "json_schema": {"name": "reply", "schema": SCHEMA}},
        {"type": "json_object", "schema": SCHEMA},
        {"type": "json_object"},
        None,
        None,
    ]
    assert made.abilities.schema is False
    await made.close()


async def test_requests_side_by_side_agree_on_a_format(loopback: Loopback) -> None:
    def only_objects(asked: Asked) -> Answer:
        wrong = asked.body["response_format"]["type"] != "json_object"
        return Answer(400, {"error": {"message": "json_schema is unknown"}}) if wrong else good("{}")

    loopback.answer = only_objects
    made = model(loopback)
    await asyncio.gather(*(made.generate(Request(ASK.messages, schema=SCHEMA)) for _ in range(8)))
    assert made.abilities.schema is True
    await made.generate(Request(ASK.messages, schema=SCHEMA))
    assert loopback.asked[-1].body["response_format"] == {"type": "json_object", "schema": SCHEMA}
    await made.close()


@pytest.mark.parametrize("structured", ["json_schema", "json_object"])
async def test_a_format_that_the_spec_insists_on(loopback: Loopback, structured: str) -> None:
    loopback.answer = refusing("response_format", "response_format is not supported")
    said = await failure(model(loopback, structured=structured), Request(ASK.messages, schema=SCHEMA))
    assert said.startswith("SchemaUnsupported")
    assert len(loopback.asked) == 1


async def test_structured_none_sends_no_format(loopback: Loopback) -> None:
    loopback.answer = lambda _: good()
    made = model(loopback, structured="none")
    await made.generate(Request(ASK.messages, schema=SCHEMA))
    assert "response_format" not in loopback.asked[0].body
    assert made.abilities.schema is False
    await made.close()


@pytest.mark.parametrize(
    ("field", "why"),
    [
        ("max_tokens", "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."),
        ("temperature", "Unsupported value: 'temperature' does not support 0.0"),
        ("top_k", "Unrecognized request argument supplied: top_k"),
        ("logprobs", "logprobs is not supported for this model"),
    ],
)
async def test_fields_that_the_server_does_not_know(loopback: Loopback, field: str, why: str) -> None:
    loopback.answer = refusing(field, why)
    made = model(loopback)
    asking = Request(ASK.messages, Sampling(max_tokens=5, top_k=2), logprobs=True)
    assert (await made.generate(asking)).text == "4"
    await made.generate(asking)
    assert [field in asked.body for asked in loopback.asked] == [True, False, False]
    assert field != "max_tokens" or loopback.asked[-1].body["max_completion_tokens"] == 5
    assert field != "logprobs" or made.abilities.logprobs is False
    await made.close()


async def test_logprobs(loopback: Loopback) -> None:
    tokens = [{"token": "4", "logprob": -0.25}, {"token": "!", "logprob": -1.5}]
    choice = {"message": {"content": "4!"}, "finish_reason": "stop", "logprobs": {"content": tokens}}
    loopback.answer = lambda _: good(choices=[choice])
    made = model(loopback)
    assert (await made.generate(Request(ASK.messages, logprobs=True))).logprobs == (-0.25, -1.5)
    assert loopback.asked[0].body["logprobs"] is True
    assert made.abilities.logprobs is True
    await made.close()


async def collect(made: OpenAIModel, request: Request = ASK) -> list[Any]:
    return [chunk async for chunk in made.stream(request)]


async def test_a_stream(loopback: Loopback) -> None:
    usage = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}
    loopback.answer = lambda _: events(piece(None), piece("It is"), piece(" 4"), piece("", "length"), usage)
    made = model(loopback)
    chunks = await collect(made)
    assert [chunk.text for chunk in chunks] == ["It is", " 4", ""]
    done = chunks[-1].completion
    assert (done.text, done.finish, done.usage.tokens) == ("It is 4", "length", 10)
    assert loopback.asked[0].body["stream_options"] == {"include_usage": True}
    await made.close()


async def test_refused_stream_options(loopback: Loopback) -> None:
    loopback.answer = refusing(
        "stream_options", "Unknown parameter: stream_options", then=events(piece("4"), piece("", "stop"))
    )
    made = model(loopback)
    for _ in range(2):
        assert (await collect(made))[-1].completion.usage.tokens == 0
    assert ["stream_options" in asked.body for asked in loopback.asked] == [True, False, False]
    await made.close()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (events(piece("4"), done=False), errors.BadResponse),
        (events(piece("4"), "{garbage"), errors.BadResponse),
        (events(piece("4"), '"text"'), errors.BadResponse),
        (Answer(body="<html></html>", kind="text/html"), errors.BadResponse),
        (events(piece("4"), {"error": {"message": "out of memory"}}), errors.ModelUnavailable),
        (events({"error": {"message": "Requested tokens (9) exceed context window of 8"}}), errors.ContextOverflow),
        (Answer(401, "no"), errors.ModelError),
        (Answer(body='data: {"choices": []}\n\n', kind="text/event-stream", cut=True), errors.ModelUnavailable),
        (Answer(body="", kind="text/event-stream"), errors.BadResponse),
    ],
)
async def test_broken_streams(loopback: Loopback, answer: Answer, kind: type[Exception]) -> None:
    loopback.answer = lambda _: answer
    made = model(loopback, timeout=2)
    with pytest.raises(kind) as caught:
        await collect(made)
    assert isinstance(caught.value, errors.ModelError)
    await made.close()


async def test_a_stream_that_nobody_reads_to_its_end(loopback: Loopback) -> None:
    loopback.answer = lambda _: events(piece("It"), piece(" is"), piece(" 4", "stop"))
    made = model(loopback)
    stream = made.stream(ASK)
    assert (await anext(stream)).text == "It"
    await stream.aclose()  # type: ignore[attr-defined]
    assert len(await collect(made)) == 4
    await made.close()


async def test_a_cancelled_request_ends_at_once(loopback: Loopback) -> None:
    hold, began = threading.Event(), threading.Event()

    def slow(_: Asked) -> Answer:
        began.set()
        return Answer(body="late", hold=hold)

    loopback.answer = slow
    made = model(loopback)
    task = asyncio.create_task(made.generate(ASK))
    await asyncio.to_thread(began.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    hold.set()
    await made.close()
