"""`OpenAIModel` against a loopback HTTP server that answers badly, late, or not at all."""

from __future__ import annotations

import asyncio
import threading
from email.utils import formatdate
from typing import Any

import openai
import pytest
from tenacity import RetryCallState

from agentnet import errors
from agentnet.contracts.model_specs import OpenAISpec
from agentnet.models.openai.errors import wanted_pause
from agentnet.models.openai.model import OpenAIModel
from tests.models.conftest import Answer, Asked, Loopback
from tests.models.servers import ASK, collect, events, failure, good, in_turn, model, piece


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
async def test_addresses_that_are_none(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_URL", url)
    assert url in await failure(OpenAIModel(OpenAISpec(model="m", base_url_env="SOME_URL", attempts=1)))


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


async def test_a_page_in_place_of_a_stream_hints_at_the_address(loopback: Loopback) -> None:
    loopback.answer = lambda _: Answer(body="<html>Welcome</html>", kind="text/html")
    made = model(loopback)
    with pytest.raises(errors.BadResponse, match=r"sent an empty stream; check that base_url leads to"):
        await collect(made)
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
    [
        ("2", 2, 2),
        ("0", 0, 0),
        ("-5", 0, 0),
        pytest.param(formatdate(usegmt=True), 0, 1, id="now"),
        pytest.param(formatdate(4e9, usegmt=True), 1e6, 4e9, id="later"),
    ],
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
