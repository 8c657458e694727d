"""Answers that an OpenAI-compatible server may give, and a model that asks a loopback server for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from agentnet import errors
from agentnet.contracts.model_specs import OpenAISpec
from agentnet.models.base import Request
from agentnet.models.openai.model import OpenAIModel
from tests.models.conftest import Answer, Asked, Loopback

ASK = Request(({"role": "user", "content": "What is 2 + 2?"},))
SCHEMA = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}


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


async def collect(made: OpenAIModel, request: Request = ASK) -> list[Any]:
    return [chunk async for chunk in made.stream(request)]
