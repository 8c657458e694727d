"""Fixtures that speak with the client while they work: progress, log messages, sampling, elicitation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.prompts.base import Prompt
from mcp.shared.exceptions import MCPError
from mcp_types import MISSING_REQUIRED_CLIENT_CAPABILITY, SamplingMessage, TextContent
from pydantic import BaseModel, Field

Asked = Context[Any, Any]


def add_to(server: MCPServer[Any]) -> None:
    """Add the fixtures to a server."""

    async def test_trigger_tool_change(ctx: Asked) -> str:
        server.add_tool(lambda: "dynamic", name="test_dynamic_tool")
        server.remove_tool("test_dynamic_tool")
        await ctx.notify_tools_changed()
        return "tool list changed"

    async def test_trigger_prompt_change(ctx: Asked) -> str:
        server.add_prompt(Prompt.from_function(lambda: "dynamic", name="test_dynamic_prompt"))
        server.remove_prompt("test_dynamic_prompt")
        await ctx.notify_prompts_changed()
        return "prompt list changed"

    for tool in (*_TOOLS, test_trigger_tool_change, test_trigger_prompt_change):
        server.add_tool(tool, description=f"Fixture {tool.__name__}")


async def test_tool_with_logging(ctx: Asked) -> str:
    for line in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await ctx.info(line)
    return "Tool with logging executed successfully"


async def test_tool_with_progress(ctx: Asked) -> str:
    for done in (0, 50, 100):
        await ctx.report_progress(done, 100, f"Completed step {done} of 100")
    return str((ctx.request_context.meta or {}).get("progress_token", 0))


def test_error_handling() -> str:
    raise RuntimeError("This tool intentionally returns an error for testing")


async def test_sampling(prompt: str, ctx: Asked) -> str:
    said = SamplingMessage(role="user", content=TextContent(text=prompt))
    result = await ctx.session.create_message([said], max_tokens=100, related_request_id=ctx.request_id)
    return f"LLM response: {result.content.text if isinstance(result.content, TextContent) else 'none'}"


class UserResponse(BaseModel):
    response: str = Field(description="User's response")


async def test_elicitation(message: str, ctx: Asked) -> str:
    return f"User response: {await _elicited(ctx, message, UserResponse)}"


class Defaults(BaseModel):
    """A default of every primitive type (SEP-1034)."""

    name: str = Field(default="John Doe", description="User name")
    age: int = Field(default=30, description="User age")
    score: float = Field(default=95.5, description="User score")
    status: str = Field(default="active", json_schema_extra={"enum": ["active", "inactive", "pending"]})
    verified: bool = Field(default=True, description="Verification status")


async def test_elicitation_sep1034_defaults(ctx: Asked) -> str:
    return f"Elicitation result: {await _elicited(ctx, 'Please provide user information', Defaults)}"


def _titled(**titles: str) -> list[Any]:
    return [{"const": value, "title": title} for value, title in titles.items()]


class Enums(BaseModel):
    """Every form of a choice (SEP-1330)."""

    untitledSingle: str = Field(json_schema_extra={"enum": ["active", "inactive", "pending"]})
    titledSingle: str = Field(json_schema_extra={"oneOf": _titled(low="Low", medium="Medium", high="High")})
    untitledMulti: list[str] = Field(
        json_schema_extra={"items": {"type": "string", "enum": ["read", "write", "execute"]}}
    )
    titledMulti: list[str] = Field(
        json_schema_extra={"items": {"anyOf": _titled(feature="New Feature", bug="Bug Fix", docs="Documentation")}}
    )
    legacyEnum: str = Field(
        json_schema_extra={"enum": ["small", "medium", "large"], "enumNames": ["Small", "Medium", "Large"]}
    )


async def test_elicitation_sep1330_enums(ctx: Asked) -> str:
    return f"Elicitation completed: {await _elicited(ctx, 'Please select values', Enums)}"


async def _elicited(ctx: Asked, message: str, schema: type[BaseModel]) -> str:
    result = await ctx.elicit(message=message, schema=schema)
    content = result.data.model_dump_json() if result.action == "accept" else "{}"
    return f"action={result.action}, content={content}"


def test_x_mcp_header(region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})]) -> str:
    return f"region={region}"


async def test_missing_capability(ctx: Asked) -> str:
    capabilities = ctx.session.client_capabilities
    if capabilities is None or capabilities.sampling is None:
        raise MCPError(
            MISSING_REQUIRED_CLIENT_CAPABILITY,
            "This tool requires the client 'sampling' capability",
            {"requiredCapabilities": {"sampling": {}}},
        )
    return "Client declared sampling capability; proceeding."


_TOOLS: tuple[Callable[..., Any], ...] = (
    test_tool_with_logging,
    test_tool_with_progress,
    test_error_handling,
    test_sampling,
    test_elicitation,
    test_elicitation_sep1034_defaults,
    test_elicitation_sep1330_enums,
    test_x_mcp_header,
    test_missing_capability,
)
