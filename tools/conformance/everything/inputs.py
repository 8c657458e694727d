"""Fixtures that ask the client for more before they answer (SEP-2322): results that require input."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp_types import (
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequest,
    InputRequiredResult,
    ListRootsRequest,
    ListRootsResult,
    SamplingMessage,
    TextContent,
)

Asked = Context[Any, Any]


def add_to(server: MCPServer[Any]) -> None:
    """Add the fixtures to a server."""
    for tool in _TOOLS:
        name = f"test_input_required_result_{tool.__name__}"
        server.add_tool(tool, name=name, description=f"Fixture {name}")
    server.prompt(name="test_input_required_result_prompt", description="Fixture prompt")(prompt)


async def elicitation(ctx: Asked) -> str | InputRequiredResult:
    if (name := _given(ctx, "user_name", "name")) is not None:
        return f"Hello, {name}!"
    return InputRequiredResult(input_requests={"user_name": _form("What is your name?", name="string")})


async def sampling(ctx: Asked) -> str | InputRequiredResult:
    answer = (ctx.input_responses or {}).get("capital_question")
    if isinstance(answer, CreateMessageResult):
        return answer.content.text if isinstance(answer.content, TextContent) else "?"
    return InputRequiredResult(input_requests={"capital_question": _sample("What is the capital of France?")})


async def list_roots(ctx: Asked) -> str | InputRequiredResult:
    answer = (ctx.input_responses or {}).get("client_roots")
    if isinstance(answer, ListRootsResult):
        return f"Client exposed {len(answer.roots)} root(s)."
    return InputRequiredResult(input_requests={"client_roots": ListRootsRequest()})


async def request_state(ctx: Asked) -> str | InputRequiredResult:
    if "confirm" in (ctx.input_responses or {}) and ctx.request_state == "nonce":
        return "state-ok: confirmation received"
    return InputRequiredResult(input_requests={"confirm": _form("Please confirm", ok="boolean")}, request_state="nonce")


async def multiple_inputs(ctx: Asked) -> str | InputRequiredResult:
    requests: dict[str, InputRequest] = {
        "user_name": _form("What is your name?", name="string"),
        "greeting": _sample("Generate a greeting"),
        "client_roots": ListRootsRequest(),
    }
    if requests.keys() <= (ctx.input_responses or {}).keys():
        return "All inputs received."
    return InputRequiredResult(input_requests=requests, request_state="multiple-inputs")


async def multi_round(ctx: Asked) -> str | InputRequiredResult:
    state = json.loads(ctx.request_state or '{"round": 0}')
    if state["round"] == 1 and (name := _given(ctx, "step1", "name")) is not None:
        step = {"step2": _form("Step 2: What is your favorite color?", color="string")}
        return InputRequiredResult(input_requests=dict(step), request_state=json.dumps({"round": 2, "name": name}))
    if state["round"] == 2 and (color := _given(ctx, "step2", "color")) is not None:
        return f"{state['name']} likes {color}."
    first = _form("Step 1: What is your name?", name="string")
    return InputRequiredResult(input_requests={"step1": first}, request_state=json.dumps({"round": 1}))


async def tampered_state(ctx: Asked) -> str | InputRequiredResult:
    """The SDK seals the state, and refuses one that a client changed."""
    if ctx.request_state is not None:
        return f"state-ok: {ctx.request_state}"
    confirm = _form("Please confirm", ok="boolean")
    return InputRequiredResult(input_requests={"confirm": confirm}, request_state="round-1")


async def capabilities(ctx: Asked) -> InputRequiredResult:
    """Ask only for what the client says it can do."""
    can = ctx.client_capabilities
    requests: dict[str, InputRequest] = {}
    if can is None or can.sampling is not None:
        requests["sample"] = _sample("Say hello")
    if can is None or can.elicitation is not None:
        requests["ask"] = _form("What is your name?", name="string")
    return InputRequiredResult(input_requests=requests, request_state="capability-gated")


async def prompt(ctx: Asked) -> list[UserMessage] | InputRequiredResult:
    if (context := _given(ctx, "user_context", "context")) is not None:
        return [UserMessage(content=TextContent(text=f"Use the following context: {context}"))]
    asked = _form("What context should the prompt use?", context="string")
    return InputRequiredResult(input_requests={"user_context": asked})


def _given(ctx: Asked, request: str, field: str) -> Any | None:
    """A field of the form that a client filled in; None where it did not."""
    answer = (ctx.input_responses or {}).get(request)
    return answer.content.get(field) if isinstance(answer, ElicitResult) and answer.content else None


def _form(message: str, **fields: str) -> ElicitRequest:
    properties = {name: {"type": kind} for name, kind in fields.items()}
    schema = {"type": "object", "properties": properties, "required": list(fields)}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def _sample(text: str) -> CreateMessageRequest:
    said = SamplingMessage(role="user", content=TextContent(text=text))
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=[said], max_tokens=100))


_TOOLS: tuple[Callable[..., Any], ...] = (
    elicitation,
    sampling,
    list_roots,
    request_state,
    multiple_inputs,
    multi_round,
    tampered_state,
    capabilities,
)
