"""A model behind a server takes part with the few next tokens that it tells."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest

from agentnet.contracts.model_specs import OpenAISpec
from agentnet.errors import BadResponse, ModelError
from agentnet.fusion.byte_vocabulary import END
from agentnet.fusion.loop import FusionLoop
from agentnet.fusion.remote import RemoteMember
from agentnet.fusion.strategies import Mean, UniTE
from agentnet.models.base import Request
from agentnet.models.openai.model import OpenAIModel
from agentnet.models.tokens import NextTokenSource
from tests.models.conftest import Answer, Asked, Loopback, loopback

__all__ = ["loopback"]

ASK = Request(({"role": "user", "content": "Say it."},))


def entry(token: str, probability: float, *, bytes_: list[int] | None = None) -> dict[str, Any]:
    return {"token": token, "logprob": math.log(probability), "bytes": bytes_}


def told(*tops: dict[str, Any], finish: str = "length", content: str = "x") -> Answer:
    logprobs = {"content": [{"token": "x", "logprob": -1.0, "top_logprobs": list(tops)}]}
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish}
    usage = {"prompt_tokens": 5, "completion_tokens": 1}
    return Answer(body={"choices": [choice | {"logprobs": logprobs if tops else None}], "usage": usage})


def model(server: Loopback) -> OpenAIModel:
    return OpenAIModel(OpenAISpec(model="m", base_url=f"{server.url}/v1", max_wait=0.01))


def writes(text: str, probability: float = 0.9, rival: str = "z") -> Any:
    """A server that writes a text, character by character, behind whatever was said of it."""

    def answer(asked: Asked) -> Answer:
        messages = asked.body["messages"]
        said = messages[-1]["content"] if messages[-1]["role"] == "assistant" else ""
        if said == text:
            return told(entry("<|im_end|>", probability), entry(rival, 1 - probability))
        return told(entry(text[len(said)], probability), entry(rival, 1 - probability))

    return answer


async def test_one_request_for_one_token_behind_what_was_said(loopback: Loopback) -> None:
    loopback.answer = writes("abc")
    remote = model(loopback)
    assert isinstance(remote, NextTokenSource)
    fused = await FusionLoop([RemoteMember("far", remote, ASK)], Mean(), limit=9).decode()
    assert (fused.text, fused.finish) == ("abc", "stop")
    assert fused.choices[-1].piece is END
    assert [asked.body["messages"][-1]["content"] for asked in loopback.asked] == ["Say it.", "a", "ab", "abc"]
    assert all(asked.body["max_tokens"] == 1 and asked.body["top_logprobs"] == 20 for asked in loopback.asked)
    assert (fused.usages["far"].calls, fused.usages["far"].prompt_tokens) == (4, 20)
    await remote.close()


@pytest.mark.parametrize("strategy", [Mean(), UniTE()])
async def test_two_servers_agree(loopback: Loopback, strategy: Any) -> None:
    other = Loopback()
    loopback.answer, other.answer = writes("abc", 0.6, "q"), writes("abc", 0.7, "r")
    models = [model(loopback), model(other)]
    fused = await FusionLoop(
        [RemoteMember(str(n), one, ASK) for n, one in enumerate(models)], strategy, limit=9
    ).decode()
    assert fused.text == "abc"
    for one in models:
        await one.close()
    other.close()


async def test_tokens_that_say_the_same_are_added_and_ends_are_one(loopback: Loopback) -> None:
    loopback.answer = lambda _: told(
        entry("é", 0.2, bytes_=[0xC3, 0xA9]),
        entry("bytes:\\xc3\\xa9", 0.1, bytes_=[0xC3, 0xA9]),
        entry("</s>", 0.3),
        entry("", 0.2, bytes_=[]),
    )
    remote = model(loopback)
    found = dict((await remote.next_tokens(ASK, "")).tokens)
    assert found == {"é".encode(): pytest.approx(math.log(0.3)), None: pytest.approx(math.log(0.5))}
    await remote.close()


async def test_who_only_stops_ends_the_text(loopback: Loopback) -> None:
    loopback.answer = lambda _: told(finish="stop", content="")
    remote = model(loopback)
    assert (await remote.next_tokens(ASK, "done")).tokens == ((None, 0.0),)
    await remote.close()


async def test_a_server_without_log_probabilities_is_an_error_that_says_so(loopback: Loopback) -> None:
    loopback.answer = lambda _: told()
    remote = model(loopback)
    with pytest.raises(BadResponse, match=r"gives no likeliest next tokens \(top_logprobs\)"):
        await remote.next_tokens(ASK, "")
    with pytest.raises(ModelError, match="none of the models that decode together is left"):
        await FusionLoop([RemoteMember("far", remote, ASK)], Mean(), limit=9).decode()
    await remote.close()


async def test_half_a_character_is_waited_for(loopback: Loopback) -> None:
    loopback.answer = writes("é")
    remote = model(loopback)
    member = RemoteMember("far", remote, ASK)
    await member.append(b"\xc3")
    with pytest.raises(ModelError, match="waits for the rest of a character"):
        await member.view()
    await member.append(b"\xa9")
    view = await member.view()
    assert view.likeliest.piece is END
    assert not view.raw
    await remote.close()


async def test_the_space_in_front_of_a_servers_first_word_is_no_part_of_the_text(loopback: Loopback) -> None:
    """Two ways to begin with the same letter are one, and a token that is nothing but space says nothing."""

    def answer(asked: Asked) -> Answer:
        if asked.body["messages"][-1]["role"] != "assistant":
            return told(entry(" a", 0.5), entry("a", 0.2), entry(" ", 0.2), entry(" b", 0.1))
        return told(entry("<|im_end|>", 0.9), entry("z", 0.1))

    loopback.answer = answer
    fused = await FusionLoop([RemoteMember("far", model(loopback), ASK)], Mean(), limit=9).decode()
    assert fused.text == "a"
    assert [choice.piece for choice in fused.choices] == [b"a", END]
    assert fused.choices[0].score == pytest.approx(0.7)


async def test_a_server_does_not_propose_what_it_could_not_go_on_from(loopback: Loopback) -> None:
    """It takes text: behind half a character it can be asked for nothing, and nobody else is there to complete it."""

    def answer(asked: Asked) -> Answer:
        if asked.body["messages"][-1]["role"] != "assistant":
            return told(entry("\\xf0\\x9f", 0.6, bytes_=[0xF0, 0x9F]), entry("é", 0.4, bytes_=[0xC3, 0xA9]))
        return told(entry("<|im_end|>", 0.9), entry("z", 0.1))

    loopback.answer = answer
    remote = model(loopback)
    fused = await asyncio.wait_for(FusionLoop([RemoteMember("far", remote, ASK)], Mean(), limit=9).decode(), 5)
    assert fused.text == "é"
    loopback.answer = lambda _: told(entry("\\xf0", 1.0, bytes_=[0xF0]))
    with pytest.raises(ModelError, match="waits for the rest of a character"):
        await asyncio.wait_for(FusionLoop([RemoteMember("far", remote, ASK)], Mean(), limit=9).decode(), 5)
    await remote.close()


async def test_bytes_that_will_never_be_a_character_do_not_silence_a_server(loopback: Loopback) -> None:
    """Another member said them."""
    loopback.answer = writes("\ufffdb")
    remote = model(loopback)
    member = RemoteMember("far", remote, ASK)
    await member.append(b"\xff")
    view = await member.view()
    assert view.likeliest.piece == b"b"
    await remote.close()
