"""A node's models through OpenAI's API: by its own client, and by hand."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any

import openai
import pytest

from agentnet.contracts.model_specs import OpenAISpec
from agentnet.contracts.sampling import Sampling
from agentnet.errors import ContextOverflow
from agentnet.models.base import Request
from agentnet.models.llama import LlamaModel
from agentnet.models.openai.model import OpenAIModel
from agentnet.models.openai.transport import http
from tests.serving.conftest import RunningNode, WaitingNode

SUM = "What is 12 + 7?\nsolve"
VERDICT = {
    "type": "object",
    "properties": {"verdict": {"enum": ["approve", "disapprove"]}},
    "required": ["verdict"],
    "additionalProperties": False,
}


def client(node: RunningNode) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{node.url}/v1", api_key="none", max_retries=0)


def local(node: RunningNode, name: str = "math") -> LlamaModel:
    model = node.api.members[name].model
    assert isinstance(model, LlamaModel)
    return model


def request(text: str = SUM, **fields: Any) -> Request:
    sampling = Sampling.model_validate(fields.pop("sampling", {}))
    return Request(({"role": "user", "content": text},), sampling, **fields)


async def failure(node: RunningNode, status: int, **fields: Any) -> dict[str, Any]:
    """The error of a request that is refused."""
    answer = await node.client.post("/v1/chat/completions", json={"model": "math", **fields})
    assert answer.status_code == status
    error: dict[str, Any] = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert "\n" not in error["message"]
    return error


async def test_openais_own_client_gets_the_reply_of_the_model(node: RunningNode) -> None:
    expected = await local(node).generate(request())
    reply = await client(node).chat.completions.create(
        model="math", messages=[{"role": "user", "content": SUM}], temperature=0, max_tokens=512
    )
    assert reply.choices[0].message.content == expected.text
    assert reply.choices[0].finish_reason == "stop"
    assert reply.model == "math"
    assert reply.usage is not None
    assert reply.usage.prompt_tokens == expected.usage.prompt_tokens
    assert reply.usage.completion_tokens == expected.usage.completion_tokens


async def test_a_stream_has_the_same_text_and_the_usage(node: RunningNode) -> None:
    expected = await local(node).generate(request())
    stream = await client(node).chat.completions.create(
        model="math",
        messages=[{"role": "user", "content": SUM}],
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
    )
    events = [event async for event in stream]
    texts = [event.choices[0].delta.content or "" for event in events if event.choices]
    assert "".join(texts) == expected.text
    assert len([text for text in texts if text]) > 5
    assert [event.choices[0].finish_reason for event in events if event.choices][-1] == "stop"
    assert events[-1].usage is not None
    assert events[-1].usage.completion_tokens == expected.usage.completion_tokens


async def test_our_own_client_gets_what_the_model_gives_in_process(node: RunningNode) -> None:
    remote = OpenAIModel(OpenAISpec(model="math", base_url=f"{node.url}/v1"))
    here = await local(node).generate(request(logprobs=True))
    there = await remote.generate(request(logprobs=True))
    assert (there.text, there.finish) == (here.text, here.finish)
    assert there.logprobs == pytest.approx(here.logprobs, abs=1e-6)
    pieces = [chunk async for chunk in remote.stream(request())]
    assert "".join(piece.text for piece in pieces) == here.text
    await remote.close()


async def test_log_probabilities_come_with_tokens_bytes_and_alternatives(node: RunningNode) -> None:
    answer = (await node.chat(SUM, temperature=0, logprobs=True, top_logprobs=3)).json()
    content = answer["choices"][0]["logprobs"]["content"]
    assert "".join(token["token"] for token in content) == answer["choices"][0]["message"]["content"]
    assert len(content) == answer["usage"]["completion_tokens"]
    for token in content:
        assert bytes(token["bytes"]).decode() == token["token"]
        values = [likely["logprob"] for likely in token["top_logprobs"]]
        assert len(values) == 3
        assert values == sorted(values, reverse=True)
        assert token["logprob"] == values[0]  # greedy
        assert sum(map(math.exp, values)) <= 1 + 1e-6
    streamed = await node.chat(SUM, temperature=0, logprobs=True, top_logprobs=3, stream=True)
    events = [json.loads(line[6:]) for line in streamed.text.splitlines() if line.startswith("data: {")]
    found = [event["choices"][0]["logprobs"] for event in events if event["choices"][0].get("logprobs")]
    assert [token["token"] for logprobs in found for token in logprobs["content"]] == [
        token["token"] for token in content
    ]


@pytest.mark.parametrize(
    ("form", "matches"),
    [
        ({"type": "json_schema", "json_schema": {"name": "reply", "schema": VERDICT}}, "verdict"),
        ({"type": "json_object", "schema": VERDICT}, "verdict"),
        ({"type": "regex", "regex": "answer [0-9]{2}"}, "answer "),
        ({"type": "lark", "lark": 'start: "yes" | "no"'}, ""),
    ],
)
async def test_replies_are_held_to_forms(node: RunningNode, form: dict[str, Any], matches: str) -> None:
    answer = (await node.chat(SUM, temperature=0, response_format=form)).json()
    text = answer["choices"][0]["message"]["content"]
    assert matches in text
    if form["type"].startswith("json"):
        assert json.loads(text)["verdict"] in ("approve", "disapprove")
    if form["type"] == "lark":
        assert text in ("yes", "no")


async def test_the_same_seed_draws_the_same_reply(node: RunningNode) -> None:
    async def drawn(seed: int) -> str:
        answer = await node.chat(SUM, temperature=2.0, seed=seed, max_tokens=24)
        return str(answer.json()["choices"][0]["message"]["content"])

    assert await drawn(3) == await drawn(3)
    assert len({await drawn(seed) for seed in range(-2, 4)}) > 1


async def test_a_stop_string_and_a_limit_end_the_reply(node: RunningNode) -> None:
    whole = (await node.chat(SUM, temperature=0)).json()["choices"][0]["message"]["content"]
    cut = (await node.chat(SUM, temperature=0, stop=["=> "])).json()["choices"][0]
    assert cut["message"]["content"] == whole.split("=> ")[0]
    short = (await node.chat(SUM, temperature=0, max_completion_tokens=3)).json()
    assert short["choices"][0]["finish_reason"] == "length"
    assert short["usage"]["completion_tokens"] == 3


async def test_parts_of_a_message_and_a_developer_are_understood(node: RunningNode) -> None:
    parts = [{"type": "text", "text": "What is 12 + 7?\n"}, {"type": "text", "text": "solve"}]
    answer = await node.client.post(
        "/v1/chat/completions",
        json={"model": "math", "messages": [{"role": "user", "content": parts}], "temperature": 0, "user": "me"},
    )
    assert answer.json()["choices"][0]["message"]["content"] == (await local(node).generate(request())).text


async def test_the_models_are_listed(node: RunningNode) -> None:
    listed = [model.id async for model in client(node).models.list()]
    assert listed == ["math", "critic"]
    assert (await client(node).models.retrieve("critic")).owned_by == "box"
    with pytest.raises(openai.NotFoundError, match="did you mean 'math'"):
        await client(node).models.retrieve("mat")


async def test_a_prompt_that_is_too_long_is_told_like_openai_tells_it(node: RunningNode) -> None:
    error = await failure(node, 400, messages=[{"role": "user", "content": "x" * 20_000}])
    assert error["code"] == "context_length_exceeded"
    remote = OpenAIModel(OpenAISpec(model="math", base_url=f"{node.url}/v1"))
    with pytest.raises(ContextOverflow):
        await remote.generate(request("x" * 20_000))
    with pytest.raises(ContextOverflow):
        [chunk async for chunk in remote.stream(request("x" * 20_000))]
    await remote.close()


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 2}, "n"),
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"logit_bias": {"5": 1}}, "logit_bias"),
        ({"presence_penalty": 0.5}, "presence_penalty"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}, "messages"),
        ({"temperature": -1}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"top_logprobs": 21}, "top_logprobs"),
        ({"response_format": {"type": "xml"}}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        ({"response_format": {"type": "regex"}}, "response_format"),
        ({"model": 5}, "model"),
    ],
)
async def test_what_cannot_be_followed_is_refused_by_its_name(
    node: RunningNode, fields: dict[str, Any], param: str
) -> None:
    error = await failure(node, 400, **({"messages": [{"role": "user", "content": SUM}]} | fields))
    assert error["param"] == param
    assert error["type"] == "invalid_request_error"


async def test_fields_that_ask_for_nothing_are_ignored(node: RunningNode) -> None:
    answer = await node.chat(SUM, n=1, tools=[], tool_choice="none", presence_penalty=0, user="me", store=False)
    assert answer.status_code == 200


async def test_a_schema_that_cannot_be_enforced_is_refused(node: RunningNode) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "r", "schema": {"type": "object", "patternProperties": 5}}}
    error = await failure(node, 400, messages=[{"role": "user", "content": SUM}], response_format=form)
    assert error["code"] == "schema-unsupported"


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[1]", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"temperature": NaN}', "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"{}", "text/plain", 415),
        (b" " * (17 * 2**20), "application/json", 413),
    ],
)
async def test_bodies_that_are_none(node: RunningNode, content: bytes, kind: str, status: int) -> None:
    answer = await node.client.post("/v1/chat/completions", content=content, headers={"content-type": kind})
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


async def test_unknown_paths_and_methods_have_the_form_of_an_error(node: RunningNode) -> None:
    assert (await node.client.get("/nothing")).json()["error"]["code"] == "not-found"
    assert (await node.client.get("/v1/chat/completions")).status_code == 405


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_goes_away_frees_the_model(waiting_node: WaitingNode, stream: bool) -> None:
    async with waiting_node() as (node, model):
        asked = asyncio.create_task(node.chat("hello", model="slow", stream=stream))
        await asyncio.wait_for(model.begun.wait(), 10)
        assert node.api.admission.inside == 1
        asked.cancel()
        await asyncio.wait_for(model.cancelled.wait(), 10)
        await asyncio.wait_for(node.api.admission.emptied(), 10)


async def test_a_client_that_goes_away_before_the_first_piece(waiting_node: WaitingNode) -> None:
    async with waiting_node() as (node, model):
        model.first = None
        asked = asyncio.create_task(node.chat("hello", model="slow", stream=True))
        await asyncio.wait_for(model.begun.wait(), 10)
        asked.cancel()
        await asyncio.wait_for(model.cancelled.wait(), 10)


async def test_a_reply_is_sent_as_it_is_written(waiting_node: WaitingNode) -> None:
    async with waiting_node() as (node, model):
        body = {"model": "slow", "messages": [{"role": "user", "content": "hello"}], "stream": True}
        async with node.client.stream("POST", "/v1/chat/completions", json=body) as answer:
            lines = answer.aiter_lines()
            assert '"content":"one"' in await asyncio.wait_for(anext(lines), 10)
            model.go.set()
            rest = "\n".join([line async for line in lines])
        assert '"content":" two"' in rest
        assert rest.rstrip().endswith("data: [DONE]")


async def test_a_node_with_too_much_to_do_says_so_and_when_to_come_again(waiting_node: WaitingNode) -> None:
    async with waiting_node(most=2) as (node, model):
        asked = [asyncio.create_task(node.chat("hello", model="slow")) for _ in range(2)]
        async with asyncio.timeout(10):
            while node.api.admission.inside < 2:
                await asyncio.sleep(0.01)
        refused = await node.chat("hello", model="slow")
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "1"
        assert refused.json()["error"]["type"] == "rate_limit_error"
        load = node.api.admission.load()
        assert (load.running, load.queued, load.slots) == (1, 1, 1)
        model.go.set()
        assert [(await answer).status_code for answer in asked] == [200, 200]
        load = node.api.admission.load()
        assert (load.running, load.queued) == (0, 0)
        assert load.tokens_per_second > 0


async def test_a_node_that_leaves_finishes_what_it_has_and_takes_nothing_new(waiting_node: WaitingNode) -> None:
    async with waiting_node() as (node, model):
        asked = asyncio.create_task(node.chat("hello", model="slow"))
        await asyncio.wait_for(model.begun.wait(), 10)
        node.api.admission.close()
        refused = await node.chat("hello", model="slow")
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] == "draining"
        model.go.set()
        assert (await asked).json()["choices"][0]["message"]["content"] == "one two"
        await asyncio.wait_for(node.api.admission.emptied(), 10)


async def test_a_form_or_alternatives_that_a_member_cannot_give(waiting_node: WaitingNode) -> None:
    async with waiting_node() as (node, _):
        regex = await node.chat("hello", model="slow", response_format={"type": "regex", "regex": "a"})
        assert "cannot hold replies to a grammar" in regex.json()["error"]["message"]
        likely = await node.chat("hello", model="slow", logprobs=True, top_logprobs=2)
        assert likely.json()["error"]["param"] == "top_logprobs"
        score = await node.client.post(
            "/node/v1/score",
            json={"model": "slow", "messages": [{"role": "user", "content": "x"}], "continuations": ["y"]},
        )
        assert "cannot score" in score.json()["error"]["message"]


async def test_the_load_knows_how_fast_prompts_are_read(node: RunningNode) -> None:
    await node.chat(SUM, temperature=0)
    load = node.api.admission.load()
    assert load.prefill_per_second > 0
    assert load.tokens_per_second > 0
    assert load.free_cells is not None
    assert load.slots == 4


@pytest.mark.parametrize("among", [False, True])
async def test_replies_are_scored_like_in_process(node: RunningNode, among: bool) -> None:
    replies = ['{"verdict":"approve"}', '{"verdict":"disapprove"}']
    model = local(node, "critic")
    score = model.score_choices if among else model.score
    here = await score(request("Is it right?"), replies)
    body = {
        "model": "critic",
        "messages": [{"role": "user", "content": "Is it right?"}],
        "continuations": replies,
        "among": among,
    }
    there = (await node.client.post("/node/v1/score", json=body)).json()
    for found, expected in zip(there["logprobs"], here.logprobs, strict=True):
        assert found == pytest.approx(list(expected), abs=1e-6)
    assert there["usage"]["completion_tokens"] == here.usage.completion_tokens


@pytest.mark.parametrize("continuations", [[], [""], ["a", "ab"], "a", [5]])
async def test_replies_that_cannot_be_scored(node: RunningNode, continuations: Any) -> None:
    body = {
        "model": "critic",
        "messages": [{"role": "user", "content": "?"}],
        "continuations": continuations,
        "among": True,
    }
    answer = await node.client.post("/node/v1/score", json=body)
    assert answer.status_code == 400
    assert "continuations" in answer.json()["error"]["message"]


async def test_web_pages_cannot_reach_a_node_through_a_browser(node: RunningNode) -> None:
    async with http.AsyncClient(base_url=node.url, headers={"host": "evil.example"}) as page:
        answer = await page.get("/v1/models")
        assert answer.status_code == 403
        assert "evil.example" in answer.json()["error"]["message"]
