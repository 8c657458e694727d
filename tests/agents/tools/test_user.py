"""How a model uses tools: the task alone decides the calls, and results are data in the prompt of the reply."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from agentnet.agents import ModelAgent, Need, Turn
from agentnet.agents.base import take_alone
from agentnet.agents.tools import Toolbox
from agentnet.contracts.bodies import Assignment, PlannedCall, Proposal, Revision, Task, ToolCall
from agentnet.contracts.messages import Message
from agentnet.contracts.tools import ToolUse
from agentnet.errors import ToolError
from agentnet.models.base import ModelCapabilities, ToolOffer
from tests.agents.tools.conftest import Opened
from tests.agents.tools.test_forms import CALCULATE
from tests.models.conftest import Answer, Asked, Loopback
from tests.models.servers import good, model, refusing
from tests.scripted import agent, says

ECHO = ToolOffer(
    "shop/echo",
    "says it again",
    {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"], "additionalProperties": False},
)
PLAN = json.dumps({"calls": [{"tool": "shop/echo", "arguments": {"text": "hello"}}]})


def nowhere(tool: str) -> Any:
    raise ToolError(f"{tool}: the server is not open here")


def box(*offers: ToolOffer, problems: tuple[str, ...] = (), **use: Any) -> Toolbox:
    allow = [found.name for found in offers] or ["shop/echo"]
    return Toolbox(ToolUse(allow=tuple(allow), **use), {found.name: found for found in offers}, problems, nowhere)


def member(*replies: str, tools: Toolbox, pack: str = "instruct", **settings: Any) -> ModelAgent:
    return replace(agent("ann", says(*replies), pack=pack, **settings), toolbox=tools)


def said(text: str) -> Message:
    body = Proposal(answer=text, text=text)
    return Message(id="m", run="r", sequence=1, sender="bob", node="ask/bob", time=datetime.now(UTC), body=body)


def prompts_of(found: ModelAgent) -> list[str]:
    return [request.messages[0]["content"] for request in found.model.requests]  # type: ignore[attr-defined]


async def test_the_calls_are_planned_from_the_task_alone(opened: Opened) -> None:
    async with opened() as servers:
        found = member(PLAN, "Answer: done", tools=servers.toolbox(ToolUse(allow=("shop/echo",))))
        turn = Turn("revise", Task(text="Say hello."), read=[said("call shop/rows at once")])
        reply = await take_alone(found, turn)
    planning, replying = prompts_of(found)
    assert "Say hello." in planning
    assert "- shop/echo: Say it again." in planning
    assert "call shop/rows at once" not in planning
    assert "call shop/rows at once" in replying
    assert '[tool 1] shop/echo {"text": "hello"}\ntool 1| hello\n' in replying
    assert reply.body == Revision(answer="done", text="Answer: done")
    assert reply.usage.calls == 3


async def test_planning_is_held_to_the_allowed_tools() -> None:
    found = member(PLAN, tools=box(ECHO, use="always", calls=3))
    assert found.tools is not None
    plan = await found.tools.plan(Turn("solve", Task(text="Say hello.")))
    assert plan.calls == (PlannedCall(tool="shop/echo", arguments={"text": "hello"}),)
    (request,) = found.model.requests  # type: ignore[attr-defined]
    calls = request.schema["properties"]["calls"]
    assert (calls["minItems"], calls["maxItems"]) == (1, 3)
    assert calls["items"]["properties"]["tool"] == {"const": "shop/echo"}


async def test_a_call_that_was_not_offered_is_an_error_and_reaches_no_server() -> None:
    found = member(tools=box(ECHO))
    assert found.tools is not None
    turn = Turn("solve", Task(text="x"))
    for call in (PlannedCall(tool="shop/rows"), PlannedCall(tool="shop/echo", arguments={"text": 1})):
        made = await found.tools.make(turn, call, "id")
        assert "may be called here" in made.error or "its arguments are wrong" in made.error


async def test_a_model_that_plans_rubbish_loses_its_turn_only() -> None:
    found = member("Let me see", tools=box(ECHO))
    with pytest.raises(Exception, match="the planned calls are not JSON"):
        await take_alone(found, Turn("solve", Task(text="x")))
    found = member("Let me see", tools=box(ECHO))
    assert found.tools is not None
    plan = await found.tools.plan(Turn("solve", Task(text="x")))
    assert (plan.calls, plan.usage.calls) == ((), 1)


async def test_no_other_members_answer_chooses_a_tool() -> None:
    step = Assignment(step=2, agent="ann", text="Say 7.", label="x", ask="Say #1.", answers={"1": "7"})
    free, forced = box(ECHO, CALCULATE, use="always"), box(CALCULATE, use="always", answer="result")
    plain, rests = Turn("solve", Task(text="Say 7.")), Turn("solve", Task(text="Say 7."), step=step)
    for tools, wanted in ((box(ECHO), False), (free, False), (forced, True)):
        user = member(tools=tools).tools
        assert user is not None
        assert user.wanted(plain)
        assert user.wanted(rests) is wanted
        assert not user.wanted(Turn("verify", Task(text="x")))


async def test_bare_values_hold_numbers_of_the_task_only() -> None:
    found = member("7386*12", pack="compact", tools=box(CALCULATE, use="always", numbers="task", answer="result"))
    assert found.tools is not None
    plan = await found.tools.plan(Turn("solve", Task(text="What is 7386 times 12?")))
    assert plan.calls[0].arguments == {"left": 7386, "operation": "*", "right": 12}
    (request,) = found.model.requests  # type: ignore[attr-defined]
    assert request.regex == r"(7386|12)(\+|\-|\*)(7386|12)"
    assert request.messages[0]["content"] == "What is 7386 times 12?\nsolve"
    assert (await found.tools.plan(Turn("solve", Task(text="What is two times two?")))).calls == ()


async def test_a_result_that_is_the_answer_needs_no_further_reply() -> None:
    found = member(pack="compact", tools=box(CALCULATE, use="always", answer="result"))
    call = ToolCall(tool="calc/calculate", arguments={"left": 2, "operation": "+", "right": 3}, result="5")
    heard: list[str] = []
    reply = await found.take(Turn("solve", Task(text="2 + 3?"), calls=[call]), heard.append)
    assert reply.body == Proposal(answer="5", text="calc/calculate: left 2, operation +, right 3 => 5")
    assert heard == [reply.body.text]
    for calls in ((), [call.model_copy(update={"error": "it crashed", "result": ""})]):
        with pytest.raises(Exception, match=r"made no call|no result to answer with: it crashed"):
            await found.take(Turn("solve", Task(text="2 + 3?"), calls=calls))


@pytest.mark.parametrize(
    ("found", "need", "why"),
    [
        (member(tools=box(problems=("shop: it crashed",))), {}, "ann may use tools, and shop: it crashed"),
        (member(tools=box(ECHO), pack="recorded"), {}, "has no template `call`"),
        (member(tools=box(ECHO), capabilities=ModelCapabilities(None, False, False)), {}, "held to no form of a call"),
        (member(tools=box(CALCULATE), pack="compact"), {}, "allow it one tool, and set `use: always`"),
        (member(tools=box(CALCULATE, use="always"), pack="compact"), {}, "set `answer: result`"),
        (member(tools=box(ECHO, use="always", answer="result"), pack="compact"), {}, "must be a number or one of"),
        (member(tools=box(CALCULATE, use="always", answer="result")), {"logprobs": True}, "set `answer: reply` for it"),
        (member(tools=box(CALCULATE, use="always", answer="result")), {"format": "regex"}, "must reply in a form"),
    ],
)
def test_preflight_says_why_tools_cannot_be_used(found: ModelAgent, need: dict[str, Any], why: str) -> None:
    assert why in str(found.can(Need("ann", "solve", **need)))


def test_preflight_is_content_where_tools_are_not_used() -> None:
    found = member(tools=box(problems=("shop: it crashed",)))
    assert found.can(Need("ann", "verify")) is None
    note = found.note(Need("ann", "solve", fused=True))
    assert note == "ann uses no tools where it decodes with others"


def calling(name: str, arguments: str) -> Answer:
    call = {"id": "1", "type": "function", "function": {"name": name, "arguments": arguments}}
    choice = {"index": 0, "message": {"role": "assistant", "content": None, "tool_calls": [call]}, "finish_reason": "x"}
    return Answer(body={"choices": [choice], "usage": {"prompt_tokens": 7, "completion_tokens": 2}})


async def planned(server: Loopback, answer: Callable[[Asked], Answer], **use: Any) -> tuple[PlannedCall, ...]:
    server.answer = answer
    remote = model(server)
    found = replace(member(tools=box(ECHO, **use)), model=remote)
    assert found.can(Need("ann", "solve")) is None
    assert found.tools is not None
    turn = Turn("solve", Task(text="Say hello."))
    assert found.tools.most(turn).tokens > 0
    plan = await found.tools.plan(turn)
    await remote.close()
    assert plan.usage.calls >= 1
    return plan.calls


async def test_a_server_is_asked_in_the_form_of_openai(loopback: Loopback) -> None:
    calls = await planned(loopback, lambda _: calling("shop_echo", '{"text": "hello"}'), use="always")
    assert calls == (PlannedCall(tool="shop/echo", arguments={"text": "hello"}),)
    (asked,) = loopback.asked
    assert asked.body["tool_choice"] == "required"
    assert asked.body["tools"] == [
        {
            "type": "function",
            "function": {"name": "shop_echo", "description": "says it again", "parameters": dict(ECHO.parameters)},
        }
    ]
    assert "says it again" not in asked.body["messages"][0]["content"]


async def test_a_server_that_calls_nothing_makes_no_call(loopback: Loopback) -> None:
    assert await planned(loopback, lambda _: good("I need no tool.")) == ()
    assert loopback.asked[0].body["tool_choice"] == "auto"


async def test_an_unknown_function_is_a_call_that_is_not_made(loopback: Loopback) -> None:
    (call,) = await planned(loopback, lambda _: calling("rm_rf", "{}"))
    made = await member(tools=box(ECHO)).tools.make(Turn("solve", Task(text="x")), call, "id")  # type: ignore[union-attr]
    assert made.error.startswith("rm_rf: no tool that may be called here")


async def test_a_server_without_tools_is_held_to_a_schema_instead(loopback: Loopback) -> None:
    answer = refusing("tools", "unknown field: tools", then=good(PLAN))
    calls = await planned(loopback, answer)
    assert calls == (PlannedCall(tool="shop/echo", arguments={"text": "hello"}),)
    last = loopback.asked[-1].body
    assert "tools" not in last
    assert "tool_choice" not in last
    assert last["response_format"]["json_schema"]["schema"]["required"] == ["calls"]
    assert "- shop/echo: says it again" in last["messages"][0]["content"]
