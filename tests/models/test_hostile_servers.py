"""`OpenAIModel` against servers that lie, flood, drip or stay silent: what they send is cleaned, or ends their turn."""

from __future__ import annotations

import asyncio
import gzip
import math
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from agentnet.agents.model_agent import confidence_of
from agentnet.contracts.model_specs import OpenAISpec
from agentnet.contracts.protocols import ROBUST, Fuse
from agentnet.contracts.sampling import Sampling
from agentnet.errors import BadResponse, ModelError, ModelUnavailable
from agentnet.fusion.loop import FusionLoop
from agentnet.fusion.remote import RemoteMember
from agentnet.fusion.strategies import STRATEGIES, Mean
from agentnet.models.base import Completion, Request
from agentnet.models.openai.model import OpenAIModel
from benchmarks.fuzz.hostile import EVENTS, HEAD, JSON, Script, chat, event, hostile, next_token, whole

ASK = Request(({"role": "user", "content": "What is 2 + 2?"},), Sampling(max_tokens=16), logprobs=True)
DEEP = b'{"choices": [{"message": {"content": "4"}, "finish_reason": "stop"}], "x": ' + b"[" * 5000 + b"]" * 5000 + b"}"


def opened(url: str, **settings: Any) -> OpenAIModel:
    return OpenAIModel(OpenAISpec(**({"model": "m", "base_url": url, "attempts": 1, "timeout": 20} | settings)))


async def asked(script: Script, **settings: Any) -> Completion:
    async with hostile(script) as url:
        model = opened(url, **settings)
        try:
            return await model.generate(ASK)
        finally:
            await model.close()


async def streamed(script: Script, **settings: Any) -> Completion:
    async with hostile(script) as url:
        model = opened(url, **settings)
        try:
            chunks = [chunk async for chunk in model.stream(ASK)]
        finally:
            await model.close()
    assert chunks[-1].completion is not None
    assert "".join(chunk.text for chunk in chunks) == chunks[-1].completion.text
    return chunks[-1].completion


# Too much, too long


async def endless(_: Any) -> AsyncIterator[bytes]:
    yield JSON + b'{"choices": [{"message": {"content": "'
    while True:
        yield b"a" * 65536


async def endless_line(_: Any) -> AsyncIterator[bytes]:
    yield EVENTS + b"data: "
    while True:
        yield b"a" * 65536


async def endless_comments(_: Any) -> AsyncIterator[bytes]:
    yield EVENTS
    while True:
        yield b": still here\n" * 1000


async def endless_events(_: Any) -> AsyncIterator[bytes]:
    yield EVENTS
    while True:
        yield event("ha ") * 100


async def endless_nothing(_: Any) -> AsyncIterator[bytes]:
    yield EVENTS
    while True:
        yield event("") * 100


async def flood_after_the_end(_: Any) -> AsyncIterator[bytes]:
    yield EVENTS + event("4", "stop") + b"data: [DONE]\n\n"
    while True:
        yield b"a" * 65536


async def a_large_page_of_an_error(_: Any) -> AsyncIterator[bytes]:
    yield b"HTTP/1.1 503 Busy\r\nconnection: close\r\ncontent-type: text/html\r\n\r\nout of memory"
    while True:
        yield b" " * 65536


async def silence(_: Any) -> AsyncIterator[bytes]:
    await asyncio.sleep(60)
    yield b""


async def drip_bytes(_: Any) -> AsyncIterator[bytes]:
    yield JSON
    while True:
        yield b" "
        await asyncio.sleep(0.02)


async def drip_events(_: Any) -> AsyncIterator[bytes]:
    yield EVENTS
    while True:
        yield event("a")
        await asyncio.sleep(0.02)


async def drip_headers(_: Any) -> AsyncIterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\n"
    for number in range(10_000):
        yield f"x-{number}: a\r\n".encode()
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("ask", [asked, streamed])
@pytest.mark.parametrize("script", [endless, endless_line, endless_comments, endless_events, endless_nothing])
async def test_a_flood_is_cut_off(ask: Any, script: Script) -> None:
    with pytest.raises(BadResponse, match="more than"):
        await ask(script)


async def test_a_flood_behind_the_end_of_a_stream() -> None:
    with pytest.raises(BadResponse, match="more than"):
        await streamed(flood_after_the_end)


@pytest.mark.parametrize("ask", [asked, streamed])
async def test_the_beginning_of_an_endless_error_says_what_is_wrong(ask: Any) -> None:
    with pytest.raises(ModelUnavailable, match=r"503.*out of memory"):
        await ask(a_large_page_of_an_error)


@pytest.mark.parametrize("ask", [asked, streamed])
@pytest.mark.parametrize("script", [silence, drip_bytes, drip_events, drip_headers])
async def test_no_turn_outlasts_its_deadline(ask: Any, script: Script) -> None:
    with pytest.raises(ModelUnavailable, match=r"no whole reply of m within 0\.3 s.*raise `deadline`"):
        await ask(script, deadline=0.3)


async def test_by_default_a_turn_takes_five_times_the_timeout() -> None:
    with pytest.raises(ModelUnavailable, match=r"within 0\.5 s"):
        await streamed(drip_events, timeout=0.1)


async def test_the_deadline_holds_for_retries_and_pauses_together() -> None:
    busy = whole(b"", b"HTTP/1.1 429 Busy\r\nretry-after: 86400\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
    with pytest.raises(ModelUnavailable, match=r"within 0\.3 s"):
        await asked(busy, attempts=9, deadline=0.3)


async def test_the_callers_own_time_between_two_pieces_is_not_cancelled() -> None:
    async with hostile(drip_events) as url:
        model = opened(url, deadline=0.2)
        stream = model.stream(ASK)
        await anext(stream)
        await asyncio.sleep(0.4)
        with pytest.raises(ModelUnavailable, match="deadline"):
            await anext(stream)
        await model.close()


async def test_a_compressed_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(b" " * 30_000_000)
    head = HEAD + b"application/json\r\ncontent-encoding: gzip\r\n\r\n"
    with pytest.raises(BadResponse, match="encoding 'gzip'"):
        await asked(whole(bomb, head))


async def test_long_honest_replies_pass() -> None:
    text = "0123456789 " * 5000
    request = Request(ASK.messages, Sampling(max_tokens=4096))
    pieces = [text[at : at + 11] for at in range(0, len(text), 11)]

    async def script(body: Any) -> AsyncIterator[bytes]:
        if body.get("stream"):
            yield EVENTS
            for part in pieces:
                yield event(part)
            yield event("", "stop") + b"data: [DONE]\n\n"
        else:
            async for part in whole(chat(text))(body):
                yield part

    async with hostile(script) as url:
        model = opened(url)
        assert (await model.generate(request)).text == text
        assert "".join([chunk.text async for chunk in model.stream(request)]) == text
        await model.close()


# Lies about what was used


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {"prompt_tokens": 0, "completion_tokens": 0},
        {"prompt_tokens": -(10**9), "completion_tokens": -1},
        {"prompt_tokens": True, "completion_tokens": True},
        {"prompt_tokens": 10**400, "completion_tokens": 10**400, "prompt_tokens_details": {"cached_tokens": 10**400}},
        {"prompt_tokens": 1e308, "completion_tokens": "9"},
        {"prompt_tokens": math.nan, "completion_tokens": math.inf, "prompt_tokens_details": [1]},
        {"prompt_tokens": [], "completion_tokens": {}, "prompt_tokens_details": {"cached_tokens": -3}},
        ["prompt_tokens"],
        "many",
    ],
)
async def test_usage_is_at_least_what_can_be_counted(usage: Any) -> None:
    found = (await asked(whole(chat("five " * 800, usage)))).usage
    assert (found.calls, found.prompt_tokens, found.completion_tokens, found.reused_tokens) == (1, 2, 500, 0)


async def test_a_larger_count_of_the_server_stands() -> None:
    told = {"prompt_tokens": 90, "completion_tokens": 800, "prompt_tokens_details": {"cached_tokens": 60}}
    found = (await asked(whole(chat("five " * 800, told)))).usage
    assert (found.prompt_tokens, found.completion_tokens, found.reused_tokens) == (90, 800, 60)


# Lies about how sure it is


@pytest.mark.parametrize(
    "logprobs",
    [
        {"content": [{"logprob": math.nan}]},
        {"content": [{"logprob": -0.1}, {"logprob": math.nan}]},
        {"content": [{"logprob": 1000.0}]},
        {"content": [{"logprob": 2**62}]},
        {"content": [{"logprob": 10**400}]},
        {"content": [{"logprob": -math.inf}]},
        {"content": [{"logprob": True}]},
        {"content": [{"logprob": "-0.1"}]},
        {"content": [{}]},
        {"content": [None]},
        {"content": "-0.1"},
        {"content": 3},
        [],
        "sure",
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_confidence_that_is_none(logprobs: Any, stream: bool) -> None:
    if stream:
        parts = event("4", logprobs={"content": [{"logprob": -0.5}]}) + event("", "stop", logprobs=logprobs)
        reply = await streamed(whole(parts + b"data: [DONE]\n\n", EVENTS))
        assert confidence_of(reply) in (None, pytest.approx(math.exp(-0.5)))  # a field of another form says nothing
        assert (confidence_of(reply) is None) == isinstance(logprobs, dict)
    else:
        reply = await asked(whole(chat("4", logprobs=logprobs)))
        assert confidence_of(reply) is None
    assert reply.text == "4"


async def test_a_log_probability_that_was_rounded_is_one() -> None:
    reply = await asked(whole(chat("4", logprobs={"content": [{"logprob": 1e-7}, {"logprob": -0.0}]})))
    assert confidence_of(reply) == 1.0


# What no text is


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [("4\ud800", "4\ufffd"), ("\udfff", "\ufffd"), ("\ud83d\ude00", "\N{GRINNING FACE}"), ("\0", "\0")],
)
async def test_text_is_unicode(text: str, cleaned: str) -> None:
    assert (await asked(whole(chat(text)))).text == cleaned
    assert (await streamed(whole(event(text, "stop") + b"data: [DONE]\n\n", EVENTS))).text == cleaned


@pytest.mark.parametrize(
    "body",
    [
        DEEP,
        b"[" * 100_000,
        b'{"choices": [{"message": {"content": "4"}}], "x": ' + b"9" * 5000 + b"}",
        b'{"choices": [{"message": {"content": "4", "refusal": "\\ud800"}}]}',
        b'{"choices": [{"message": {"content": ["4"]}}]}',
        b'{"choices": [{"message": {"content": "4"}, "finish_reason": {"a": 1}}]}',
        b'{"choices": {"0": 4}}',
        b"\x00" * 1000,
        b"\xff\xfe",
        b"NaN",
        b"",
    ],
)
async def test_absurd_bodies_are_that_members_failure(body: bytes) -> None:
    for ask, script in ((asked, whole(body)), (streamed, whole(b"data: " + body + b"\n\n", EVENTS))):
        with pytest.raises(ModelError) as caught:
            await ask(script)  # type: ignore[operator]
        str(caught.value).encode()
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 99999 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzzzz\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=\xff\r\n\r\ndata: \xff\n\n",
        b"\x00" * 200_000,
        b"",
    ],
)
async def test_absurd_http_is_that_members_failure(head: bytes) -> None:
    for ask in (asked, streamed):
        with pytest.raises(ModelError):
            await ask(whole(b"", head))


# Next tokens, for fusion


def top(logprob: Any, token: Any = "a", codes: Any = None) -> dict[str, Any]:
    return {"token": token, "logprob": logprob, "bytes": codes}


SURE = top(-0.1, "b")


async def told(*tops: Any) -> dict[bytes | None, float]:
    async with hostile(whole(next_token(*tops))) as url:
        model = opened(url)
        try:
            return dict((await model.next_tokens(ASK, "")).tokens)
        finally:
            await model.close()


@pytest.mark.parametrize(
    "tops",
    [
        [top(50.0), SURE],
        [top(1e6)],
        [top(2**62)],
        [top(10**400)],
        [top(math.inf), SURE],
        [top(math.nan)],
        [top(-math.inf)],
        [top(0.0), top(0.0, "b")],
        [top(-0.5), top(-0.5, "b")],
        [top("0")],
        [top(True)],
        [top(None)],
        [top(-0.1, "a" * 65)],
        [top(-0.1, "a", [300])],
        [top(-0.1, "a", [True])],
        [top(-0.1, "a", [1.5])],
        [top(-0.1, "a", "61")],
        [top(-0.1, "a", {"0": 61})],
        [top(-0.1, 7)],
        ["a"],
        [None],
    ],
)
async def test_a_distribution_that_is_none_decides_nothing(tops: list[Any]) -> None:
    with pytest.raises(BadResponse) as caught:
        await told(*tops)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("bad", [top(math.nan), top(-math.inf), top(-1.0, "x" * 65), top(-1.0, "a", [256]), "a", None])
async def test_what_is_no_token_is_left_out(bad: Any) -> None:
    assert await told(bad, SURE) == {b"b": -0.1}


async def test_equal_pieces_are_added_and_no_more_than_asked_for_is_read() -> None:
    found = await told(
        top(math.log(0.3), "a"), top(math.log(0.2), "?", [97]), top(math.log(0.1), "</s>"), top(-9.0, "")
    )
    assert found[b"a"] == pytest.approx(math.log(0.5))
    assert set(found) == {b"a", None}
    assert len(await told(*(top(-9.0, f"{n}") for n in range(50)))) == 20
    assert await told(top(-1.0, "\ud800")) == {"\ufffd".encode(): -1.0}


@pytest.mark.parametrize(
    "tops", [[top(50.0)], [top(1e6)], [top(math.nan), top(2.0, "b")], [top(math.inf)], [top(0.0), top(0.0, "b")]]
)
async def test_a_liar_is_left_out_of_a_fused_text(tops: list[Any]) -> None:
    async def honest(body: Any) -> AsyncIterator[bytes]:
        said = body["messages"][-1]["content"] if body["messages"][-1]["role"] == "assistant" else ""
        token = "</s>" if said == "abcd" else "abcd"[len(said)]
        async for part in whole(next_token(top(-0.2, token)))(body):
            yield part

    async with hostile(honest) as first, hostile(whole(next_token(*tops))) as second:
        models = [opened(first), opened(second)]
        members = [RemoteMember(name, model, ASK) for name, model in zip(("honest", "liar"), models, strict=True)]
        fused = await FusionLoop(members, Mean(), limit=9).decode()
        for model in models:
            await model.close()
    assert (fused.text, fused.finish) == ("abcd", "stop")
    assert list(fused.dropped) == ["liar"]


HOSTILE: dict[str, Script] = {
    "sure of its own": whole(next_token(top(0.0, "z"))),
    "more than sure": whole(next_token(top(50.0, "z"))),
    "beyond all": whole(next_token(top(1e6, "z"))),
    "no number": whole(next_token(top(math.nan, "z"), top(-1.0, "y"))),
    "infinite": whole(next_token(top(math.inf, "z"))),
    "never ends": whole(next_token(top(-0.1, "a"), top(-3.0, "b"))),
    "silent": silence,
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize(
    "strategy",
    [
        name if name in (*ROBUST, "duetnet", "max") else pytest.param(name, marks=pytest.mark.slow)
        for name in STRATEGIES
    ],
)
async def test_one_hostile_server_of_five_ends_no_text(strategy: str, kind: str) -> None:
    async def honest(body: Any) -> AsyncIterator[bytes]:
        said = body["messages"][-1]["content"] if body["messages"][-1]["role"] == "assistant" else ""
        token = "</s>" if said == "abcd" or not "abcd".startswith(said) else "abcd"[len(said)]
        async for part in whole(next_token(top(-0.2, token), top(-2.0, "x")))(body):
            yield part

    async with AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(hostile(script)) for script in (HOSTILE[kind], *[honest] * 4)]
        models = [opened(url) for url in urls]
        for model in models:
            stack.push_async_callback(model.close)
        members = [RemoteMember(f"m{number}", model, ASK) for number, model in enumerate(models)]
        chooser = STRATEGIES[strategy](Fuse.model_validate({"members": ["@solver"]}), 0)
        async with asyncio.timeout(60):
            fused = await FusionLoop(members, chooser, limit=9, deadline=0.5).decode()
    if strategy in ROBUST:
        assert (fused.text, fused.finish) == ("abcd", "stop")
    assert set(fused.dropped) <= {"m0"}
