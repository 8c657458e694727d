"""What every operation of the API gets: the gateway, its caller, and bodies that are JSON."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.routing import APIRoute
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from agentnet.contracts.serving import Caller
from agentnet.serving.api.shown import Failure
from agentnet.serving.app import Problem, caller_of
from agentnet.serving.gateway import Gateway
from agentnet.serving.reading import parse_json


async def _gateway(connection: HTTPConnection) -> Gateway:
    gateway = connection.app.state.gateway
    assert isinstance(gateway, Gateway)
    return gateway


async def _caller(connection: HTTPConnection) -> Caller:
    return caller_of(connection)


async def _owner(connection: HTTPConnection) -> Caller:
    caller = caller_of(connection)
    if not caller.may("admin"):
        raise Problem(403, "this is for keys with the scope admin", "wrong-scope")
    return caller


At = Annotated[Gateway, Depends(_gateway)]
By = Annotated[Caller, Depends(_caller)]
ByOwner = Annotated[Caller, Depends(_owner)]
"""A caller with the scope `admin`."""
Limit = Annotated[int, Query(ge=1, le=200)]
"""How many entries a page has at most."""


class _StrictRequest(Request):
    async def json(self) -> Any:
        return parse_json(await self.body())


class StrictRoute(APIRoute):
    """A route that reads bodies as all surfaces do."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handle(_StrictRequest(request.scope, request.receive))

        return strict


def room(tag: str) -> APIRouter:
    """Return a router for the operations of one subject."""
    refused: dict[int | str, dict[str, Any]] = {
        "4XX": {"model": Failure, "description": "The request is refused: what is wrong, and what to do"},
        "5XX": {"model": Failure, "description": "The server cannot answer now"},
    }
    return APIRouter(tags=[tag], responses=refused, route_class=StrictRoute)
