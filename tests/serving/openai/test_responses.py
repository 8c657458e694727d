"""The Responses API of a network, by OpenAI's own client."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from agentnet.contracts.bodies import Task
from agentnet.contracts.serving import Caller
from agentnet.errors import ModelUnavailable
from tests.scripted import agent, says
from tests.serving.conftest import Waiting
from tests.serving.openai.conftest import SUM, RunningGateway, Team, slow


async def task_of(place: RunningGateway, response: Any) -> str:
    (first, *_) = await place.session.runs.messages(response.id.removeprefix("resp_"))
    assert isinstance(first.body, Task)
    return first.body.text


async def test_a_response_has_the_reasoning_the_answer_and_the_usage(zoo: RunningGateway) -> None:
    response = await zoo.client.responses.create(model="verification", input=SUM, metadata={"a": "b"})
    reasoning, message = response.output
    assert response.output_text == "19"
    assert (response.status, message.status, message.role) == ("completed", "completed", "assistant")  # type: ignore[union-attr]
    assert "critic (verify):" in reasoning.content[0].text  # type: ignore[union-attr, index]
    assert response.metadata == {"a": "b"}
    assert response.usage is not None
    messages = await zoo.session.runs.messages(response.id.removeprefix("resp_"))
    assert response.usage.output_tokens == sum(each.usage.completion_tokens for each in messages)
    assert 0 < response.usage.output_tokens_details.reasoning_tokens < response.usage.output_tokens


async def test_a_stream_builds_the_same_response(zoo: RunningGateway) -> None:
    for model in ("debate", "zoo/math"):
        async with zoo.client.responses.stream(model=model, input=SUM) as stream:
            events = [event async for event in stream]
            final = await stream.get_final_response()
        assert [event.sequence_number for event in events] == list(range(len(events)))
        assert events[0].type == "response.created"
        assert events[-1].type == "response.completed"
        text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
        stored = await zoo.client.responses.retrieve(final.id)
        assert text == final.output_text == stored.output_text
        assert [item.type for item in final.output] == [item.type for item in stored.output]
        assert final.usage == stored.usage


async def test_a_conversation_goes_on_from_a_stored_response(zoo: RunningGateway) -> None:
    first = await zoo.client.responses.create(model="zoo/math", input="What is 3 + 4?", instructions="Be brief.")
    second = await zoo.client.responses.create(model="auto", input=SUM, previous_response_id=first.id)
    said = first.output_text
    assert await task_of(zoo, second) == f"User: What is 3 + 4?\n\nAssistant: {said}\n\nUser: {SUM}"
    assert second.previous_response_id == first.id
    third = await zoo.client.responses.create(
        model="single", previous_response_id=second.id, input=[{"role": "user", "content": "And 2 + 2?"}]
    )
    assert (await task_of(zoo, third)).startswith("User: What is 3 + 4?\n\nAssistant: ")
    assert (await task_of(zoo, third)).endswith(f"Assistant: {second.output_text}\n\nUser: And 2 + 2?")


async def test_what_a_client_sends_back_is_a_conversation(zoo: RunningGateway) -> None:
    first = await zoo.client.responses.create(model="debate", input=SUM)
    back: Any = [
        {"role": "user", "content": [{"type": "input_text", "text": SUM}]},
        *(item.model_dump(exclude_none=True) for item in first.output),
        {"role": "user", "content": "What is 3 + 4?"},
    ]
    second = await zoo.client.responses.create(model="single", input=back)
    assert await task_of(zoo, second) == f"User: {SUM}\n\nAssistant: 19\n\nUser: What is 3 + 4?"


async def test_structured_output_and_log_probabilities(zoo: RunningGateway) -> None:
    class Sum(BaseModel):
        right: bool

    parsed = await zoo.client.responses.parse(model="zoo/math", input=SUM, text_format=Sum)
    assert isinstance(parsed.output_parsed, Sum)
    response = await zoo.client.responses.create(
        model="zoo/math", input=SUM, include=["message.output_text.logprobs"], top_logprobs=2
    )
    part: Any = response.output[0].content[0]  # type: ignore[union-attr, index]
    assert "".join(token.token for token in part.logprobs) == part.text
    assert len(part.logprobs[0].top_logprobs) == 2


async def test_a_reply_that_is_cut_is_incomplete(zoo: RunningGateway) -> None:
    response = await zoo.client.responses.create(model="zoo/math", input=SUM, max_output_tokens=3)
    assert response.status == "incomplete"
    assert response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"
    assert (await zoo.client.responses.retrieve(response.id)).output_text == response.output_text


async def test_a_background_response_goes_on_by_itself(team: Team) -> None:
    model = Waiting()
    async with team(slow(model)) as place:
        begun = await place.client.responses.create(model="scripted/slow", input=SUM, background=True)
        assert begun.status == "queued"
        await asyncio.wait_for(model.begun.wait(), 10)
        assert (await place.client.responses.retrieve(begun.id)).status == "in_progress"
        with pytest.raises(openai.ConflictError):
            await place.client.responses.delete(begun.id)
        with pytest.raises(openai.BadRequestError, match="not finished"):
            await place.client.responses.create(model="single", input=SUM, previous_response_id=begun.id)
        following = await place.client.responses.retrieve(begun.id, stream=True)
        model.go.set()
        events = [event async for event in following]
        assert events[-1].type == "response.completed"
        assert (await place.client.responses.retrieve(begun.id)).output_text == "one two"


async def test_a_background_response_that_is_cancelled(team: Team) -> None:
    model = Waiting()
    async with team(slow(model)) as place:
        begun = await place.client.responses.create(model="scripted/slow", input=SUM, background=True)
        await asyncio.wait_for(model.begun.wait(), 10)
        assert (await place.client.responses.cancel(begun.id)).status == "cancelled"
        assert model.cancelled.is_set()
        assert (await place.client.responses.retrieve(begun.id)).status == "cancelled"


async def test_a_client_that_leaves_a_stream_cancels_its_response(team: Team) -> None:
    model = Waiting()
    async with team(slow(model)) as place:
        stream = await place.client.responses.create(model="scripted/slow", input=SUM, stream=True)
        async for event in stream:
            if event.type == "response.output_text.delta":
                break
        await stream.close()
        await asyncio.wait_for(model.cancelled.wait(), 10)


async def test_responses_are_listed_by_what_they_were_asked_and_forgotten(zoo: RunningGateway) -> None:
    response = await zoo.client.responses.create(model="zoo/math", input=SUM)
    items: Any = await zoo.client.responses.input_items.list(response.id)
    assert [item.content[0].text for item in items.data] == [SUM]
    with pytest.raises(openai.BadRequestError, match="no background response"):
        await zoo.client.responses.cancel(response.id)
    await zoo.client.responses.delete(response.id)
    with pytest.raises(openai.NotFoundError):
        await zoo.client.responses.retrieve(response.id)
    assert await zoo.session.runs.latest() == []


async def test_what_is_not_to_be_stored_is_not_found(zoo: RunningGateway) -> None:
    response = await zoo.client.responses.create(model="zoo/math", input=SUM, store=False)
    chat = await zoo.client.chat.completions.create(model="zoo/math", messages=[{"role": "user", "content": SUM}])
    for id in (response.id, f"resp_{chat.id.removeprefix('chatcmpl-')}", "resp_nothing", "nothing"):
        with pytest.raises(openai.NotFoundError):
            await zoo.client.responses.retrieve(id)
        with pytest.raises(openai.NotFoundError):
            await zoo.client.responses.create(model="zoo/math", input=SUM, previous_response_id=id)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_response_without_an_answer(team: Team, stream: bool) -> None:
    def fails(_: Any) -> str:
        raise ModelUnavailable("its server is away")

    async with team(agent("ada", fails)) as place:
        if stream:
            events = [e async for e in await place.client.responses.create(model="single", input=SUM, stream=True)]
            failed = events[-1]
            assert failed.type == "response.failed"
            assert "its server is away" in failed.response.error.message  # type: ignore[union-attr]
            assert (await place.client.responses.retrieve(failed.response.id)).status == "failed"
        else:
            with pytest.raises(openai.InternalServerError) as error:
                await place.client.responses.create(model="single", input=SUM)
            assert error.value.status_code == 503


async def test_a_member_that_declines(team: Team) -> None:
    async with team(agent("ada", says("REFUSE: too hard"))) as place:
        response = await place.client.responses.create(model="scripted/ada", input=SUM)
        part: Any = response.output[0].content[0]  # type: ignore[union-attr, index]
        assert (part.type, part.refusal) == ("refusal", "too hard")
        async with place.client.responses.stream(model="scripted/ada", input=SUM) as stream:
            streamed: Any = (await stream.get_final_response()).output[0]
        assert streamed.content[0].refusal == "too hard"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [{"type": "web_search"}]}, "tools"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"truncation": "auto"}, "truncation"),
        ({"include": ["reasoning.encrypted_content"]}, "include"),
        ({"reasoning": {"effort": "high"}}, "reasoning"),
        ({"text": {"verbosity": "low"}}, "text"),
        ({"input": [{"type": "function_call_output", "call_id": "1", "output": "2"}]}, "input"),
        ({"input": []}, "input"),
        ({"background": True, "top_logprobs": 1}, "include"),
        ({"surprise": 1}, "surprise"),
    ],
)
async def test_what_cannot_be_followed_is_refused_by_its_name(team: Team, fields: dict[str, Any], param: str) -> None:
    async with team(agent("ada", says("1"))) as place:
        refused = await place.http.post("/v1/responses", json={"model": "scripted/ada", "input": SUM} | fields)
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == param


async def test_others_do_not_see_a_response(zoo: RunningGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    response = await zoo.client.responses.create(model="zoo/math", input=SUM)
    stranger = Caller(id="other", scopes=("ask",))
    monkeypatch.setattr("agentnet.serving.openai.responses.surface.caller_of", lambda _: stranger)
    for ask in (zoo.client.responses.retrieve, zoo.client.responses.cancel, zoo.client.responses.delete):
        with pytest.raises(openai.NotFoundError):
            await ask(response.id)
