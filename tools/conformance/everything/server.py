"""`everything`: the fixtures, put together."""

from __future__ import annotations

from typing import Any

from mcp.server import Server, ServerRequestContext
from mcp.server.mcpserver import MCPServer
from mcp_types import (
    CompleteRequestParams,
    CompleteResult,
    Completion,
    EmptyResult,
    SetLevelRequestParams,
    SubscribeRequestParams,
    UnsubscribeRequestParams,
)

from tools.conformance.everything import content, inputs, tools


def everything() -> Server[Any]:
    """Return a server with every fixture."""
    server = MCPServer[Any]("conformance-fixtures", version="1", log_level="CRITICAL")
    for room in (content, tools, inputs):
        room.add_to(server)
    low = server._lowlevel_server  # for methods that the server of decorators has none for
    low.add_request_handler("completion/complete", CompleteRequestParams, _complete)
    low.add_request_handler("logging/setLevel", SetLevelRequestParams, _done)
    low.add_request_handler("resources/subscribe", SubscribeRequestParams, _done)
    low.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, _done)
    return low


async def _done(context: ServerRequestContext[Any], params: object) -> EmptyResult:
    return EmptyResult()


async def _complete(context: ServerRequestContext[Any], params: CompleteRequestParams) -> CompleteResult:
    return CompleteResult(completion=Completion(values=[], total=0, has_more=False))
