"""`OpenAIModel` against a loopback HTTP server: replies, streams, and what servers do not accept."""

from __future__ import annotations

import asyncio

import pytest

from agentnet.contracts.model_specs import OpenAISpec
from agentnet.contracts.sampling import Sampling
from agentnet.models.base import Model, Request
from agentnet.models.openai.model import OpenAIModel
from tests.models.conftest import Answer, Asked, Loopback
from tests.models.servers import ASK, SCHEMA, collect, events, failure, good, model, piece, refusing


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
    assert done.usage.tokens == 3  # by our own lower bound: the server counts nothing
    assert set(loopback.asked[0].body) == {"model", "messages", "max_tokens", "temperature", "top_p", "enable_thinking"}
    assert loopback.asked[0].headers["authorization"] == "Bearer secret"
    await made.close()


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
    assert made.capabilities.schema is None
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
    assert made.capabilities.schema is False
    await made.close()


async def test_requests_side_by_side_agree_on_a_format(loopback: Loopback) -> None:
    def only_objects(asked: Asked) -> Answer:
        wrong = asked.body["response_format"]["type"] != "json_object"
        return Answer(400, {"error": {"message": "json_schema is unknown"}}) if wrong else good("{}")

    loopback.answer = only_objects
    made = model(loopback)
    await asyncio.gather(*(made.generate(Request(ASK.messages, schema=SCHEMA)) for _ in range(8)))
    assert made.capabilities.schema is True
    await made.generate(Request(ASK.messages, schema=SCHEMA))
    assert loopback.asked[-1].body["response_format"] == {"type": "json_object", "schema": SCHEMA}
    await made.close()


@pytest.mark.parametrize("structured", ["json_schema", "json_object"])
async def test_a_format_that_the_spec_insists_on(loopback: Loopback, structured: str) -> None:
    loopback.answer = refusing("response_format", "response_format is not supported")
    said = await failure(model(loopback, structured=structured), Request(ASK.messages, schema=SCHEMA))
    assert said.startswith("SchemaUnsupported")
    assert len(loopback.asked) == 1


@pytest.mark.parametrize("form", [{"regex": "a"}, {"lark": 'start: "a"'}])
async def test_a_form_that_servers_have_no_common_word_for_is_not_sent(
    loopback: Loopback, form: dict[str, str]
) -> None:
    said = await failure(model(loopback), Request(ASK.messages, **form))  # type: ignore[arg-type]
    assert said.startswith("SchemaUnsupported")
    assert "use a JSON Schema, or a model that runs in process" in said
    assert loopback.asked == []


async def test_structured_none_sends_no_format(loopback: Loopback) -> None:
    loopback.answer = lambda _: good()
    made = model(loopback, structured="none")
    await made.generate(Request(ASK.messages, schema=SCHEMA))
    assert "response_format" not in loopback.asked[0].body
    assert made.capabilities.schema is False
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
    assert field != "logprobs" or made.capabilities.logprobs is False
    await made.close()


async def test_logprobs(loopback: Loopback) -> None:
    tokens = [{"token": "4", "logprob": -0.25}, {"token": "!", "logprob": -1.5}]
    choice = {"message": {"content": "4!"}, "finish_reason": "stop", "logprobs": {"content": tokens}}
    loopback.answer = lambda _: good(choices=[choice])
    made = model(loopback)
    assert (await made.generate(Request(ASK.messages, logprobs=True))).logprobs == (-0.25, -1.5)
    assert loopback.asked[0].body["logprobs"] is True
    assert made.capabilities.logprobs is True
    await made.close()


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
        assert (await collect(made))[-1].completion.usage.tokens == 3
    assert ["stream_options" in asked.body for asked in loopback.asked] == [True, False, False]
    await made.close()


async def test_a_stream_that_nobody_reads_to_its_end(loopback: Loopback) -> None:
    loopback.answer = lambda _: events(piece("It"), piece(" is"), piece(" 4", "stop"))
    made = model(loopback)
    stream = made.stream(ASK)
    assert (await anext(stream)).text == "It"
    await stream.aclose()  # type: ignore[attr-defined]
    assert len(await collect(made)) == 4
    await made.close()
