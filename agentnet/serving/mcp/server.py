"""`mcp_server`: the MCP server of a network, whatever carries its messages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, TypeVar

from mcp.server import Server, ServerRequestContext
from mcp.server.caching import CacheHint
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    CompleteRequestParams,
    CompleteResult,
    Completion,
    ContentBlock,
    InputRequiredResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    ResourceLink,
    ResourceTemplateReference,
    TextContent,
    Tool,
    ToolAnnotations,
)
from pydantic import ValidationError
from starlette.requests import Request

from agentnet.contracts.base import first_problem
from agentnet.contracts.serving import Caller
from agentnet.serving.app import Problem, caller_of
from agentnet.serving.mcp.asking import Call, Tools, links_of, text_of
from agentnet.serving.mcp.people import PersonNeeded, ask_of, words_of
from agentnet.serving.mcp.resources import COMPLETED, JSON, NotThere, Resources
from agentnet.serving.mcp.schemas import Answered, AskArguments, Asking, CompareArguments, Compared, RunArguments
from agentnet.serving.names import Names
from agentnet.serving.running import RunService

PAGE = 100
"""Resources of one page of a list."""
Context = ServerRequestContext[Any, Request]
Given = TypeVar("Given", bound=Asking)


@dataclass(frozen=True, slots=True)
class _ToolKind:
    """A tool: what it is called, what it takes and gives, and what it does."""

    name: str
    title: str
    description: str
    takes: type[Asking]
    gives: type[Answered] | type[Compared]
    does: Callable[[Call, Any], Awaitable[Answered | Compared]]

    def declared(self) -> Tool:
        """Return the tool as clients see it."""
        return Tool(
            name=self.name,
            title=self.title,
            description=self.description,
            input_schema=self.takes.model_json_schema(),
            output_schema=self.gives.model_json_schema(),
            annotations=ToolAnnotations(
                title=self.title, read_only_hint=True, idempotent_hint=False, open_world_hint=False
            ),
        )


def mcp_server(runs: RunService, names: Names) -> Server[dict[str, Any]]:
    """Return the MCP server of a session's network: its tools and resources for the callers of each request."""
    handlers = _Handlers(runs, names)
    name = names.network
    return Server(
        "agentnet",
        title=f"AgentNet: the network {name}",
        version=version("agentnet-ai"),
        instructions=(
            f"{name} is a network of {len(runs.session.network)} language models that answer together. `ask` chooses "
            "the protocol; `run_protocol` takes the one that you name; `compare` sets protocols beside the best single "
            "model. agentnet://network says who takes part and what they were measured at."
        ),
        cache_hints={
            "tools/list": CacheHint(ttl_ms=60_000),
            "resources/templates/list": CacheHint(ttl_ms=60_000),
            "resources/list": CacheHint(),
            "resources/read": CacheHint(),
        },
        get_tool_input_schema=handlers.input_schema,
        on_list_tools=handlers.list_tools,
        on_call_tool=handlers.call_tool,
        on_list_resources=handlers.list_resources,
        on_list_resource_templates=handlers.list_templates,
        on_read_resource=handlers.read_resource,
        on_completion=handlers.complete,
    )


class _Handlers:
    """What the server answers to each method."""

    def __init__(self, runs: RunService, names: Names) -> None:
        self._resources = Resources(runs, names)
        tools = Tools(runs, names)
        kinds = (
            _ToolKind(
                "ask",
                "Ask the network",
                "Ask a network of language models a question. It chooses the members and the way they work together by "
                "the kind of the question, and returns one answer.",
                AskArguments,
                Answered,
                tools.ask,
            ),
            _ToolKind(
                "run_protocol",
                "Run a protocol",
                "Ask a question with a protocol of your choice, such as debate, vote or verification, or ask one "
                "member alone.",
                RunArguments,
                Answered,
                tools.run_protocol,
            ),
            _ToolKind(
                "compare",
                "Compare protocols",
                "Ask a question with several protocols at once, beside the best single model, and see what each of "
                "them answers and costs.",
                CompareArguments,
                Compared,
                tools.compare,
            ),
        )
        self._resumed = tools.resumed
        self._tools = {kind.name: kind for kind in kinds}
        self._declared = {kind.name: kind.declared() for kind in kinds}

    def input_schema(self, name: str) -> dict[str, Any] | None:
        """Return the schema of a tool's arguments; None for an unknown one."""
        return self._declared[name].input_schema if name in self._declared else None

    async def list_tools(self, context: Context, params: PaginatedRequestParams | None) -> ListToolsResult:
        _offset(params, len(self._declared))
        return ListToolsResult(tools=list(self._declared.values()))

    async def call_tool(self, context: Context, params: CallToolRequestParams) -> CallToolResult | InputRequiredResult:
        """Do what a tool does. What goes wrong in it is its result, so that the model that called it reads it."""
        kind = self._tools.get(params.name)
        if kind is None:
            known = ", ".join(self._tools)
            raise MCPError(INVALID_PARAMS, f"no tool is called {params.name[:100]!r}: there are {known}")
        try:
            arguments = kind.takes.model_validate(params.arguments or {})
        except ValidationError as error:
            return _failed(f"the arguments of {kind.name} are wrong: {first_problem(error)}")
        steps = 0

        async def tell(line: str) -> None:
            nonlocal steps
            steps += 1
            await context.session.report_progress(steps, None, line)

        call = Call(_caller(context), tell, ask_of(context))
        result: Answered | Compared
        try:
            if params.request_state is None:
                result = await kind.does(call, arguments)
            else:
                result = await self._resumed(call, params.request_state, words_of(params))
        except PersonNeeded as needed:
            return needed.result()
        except Exception as error:
            return _failed(str(Problem.of(error)))
        text: list[ContentBlock] = [TextContent(text=text_of(result))]
        links = [ResourceLink(uri=uri, name=name, mime_type=JSON) for uri, name in links_of(result).items()]
        missing = isinstance(result, Answered) and result.answer is None
        return CallToolResult(
            content=[*text, *links], structured_content=result.model_dump(mode="json"), is_error=missing
        )

    async def list_resources(self, context: Context, params: PaginatedRequestParams | None) -> ListResourcesResult:
        found = await _told(self._resources.listed(_caller(context)))
        start = _offset(params, len(found))
        rest = start + PAGE
        return ListResourcesResult(resources=found[start:rest], next_cursor=str(rest) if rest < len(found) else None)

    async def list_templates(
        self, context: Context, params: PaginatedRequestParams | None
    ) -> ListResourceTemplatesResult:
        templates = self._resources.templates()
        _offset(params, len(templates))
        return ListResourceTemplatesResult(resource_templates=templates)

    async def read_resource(self, context: Context, params: ReadResourceRequestParams) -> ReadResourceResult:
        uri = str(params.uri)
        try:
            return ReadResourceResult(contents=[await _told(self._resources.read(_caller(context), uri))])
        except NotThere as error:
            raise MCPError(INVALID_PARAMS, str(error), {"uri": uri}) from error

    async def complete(self, context: Context, params: CompleteRequestParams) -> CompleteResult:
        if not isinstance(params.ref, ResourceTemplateReference):
            raise MCPError(INVALID_PARAMS, "this server has no prompts to complete")
        work = self._resources.completed(_caller(context), params.ref.uri, params.argument.value)
        try:
            values = await _told(work)
        except NotThere as error:
            raise MCPError(INVALID_PARAMS, str(error)) from error
        more = len(values) > COMPLETED
        return CompleteResult(completion=Completion(values=values[:COMPLETED], total=len(values), has_more=more))


Found = TypeVar("Found")


async def _told(work: Awaitable[Found]) -> Found:
    """Return what some work finds; what goes wrong in it becomes an error of the protocol."""
    try:
        return await work
    except NotThere:
        raise
    except Exception as error:
        raise MCPError(INTERNAL_ERROR, str(Problem.of(error))) from error


def _caller(context: Context) -> Caller:
    """Return who sends a request: whoever was let in over HTTP, or this machine's own user."""
    return Caller() if context.request is None else caller_of(context.request)


def _failed(why: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(text=why)], is_error=True)


def _offset(params: PaginatedRequestParams | None, length: int) -> int:
    """Return where a page begins. Raises `MCPError` for a cursor that no list gave."""
    cursor = params.cursor if params is not None else None
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10 and int(cursor) <= length):
        raise MCPError(INVALID_PARAMS, f"{cursor[:50]!r} is no cursor of this list")
    return int(cursor)
