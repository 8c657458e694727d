"""The API as a surface of a gateway: a FastAPI application below ``/api``."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount

from agentnet.contracts.base import shown
from agentnet.serving.api import evaluations, history, network, policy, protocols, runs
from agentnet.serving.app import FAILURES, Problem
from agentnet.serving.gateway import Gateway, Mounted

PREFIX = "/api"
ROUTERS = (runs.router, network.router, history.router, policy.router, protocols.router, evaluations.router)


def surface(gateway: Gateway) -> Mounted:
    """Return the API's routes."""
    app = FastAPI(
        openapi_url=None,  # the document tells of all surfaces (`document`)
        redirect_slashes=False,
        exception_handlers={**FAILURES, RequestValidationError: _refused, HTTPException: _unread, Exception: _failed},
    )
    app.state.gateway = gateway
    for router in ROUTERS:
        app.include_router(router)
    service = gateway.evaluations
    return Mounted([Mount(PREFIX, app)], running=[service.running], ending=[service.end])


async def _refused(request: Request, error: Exception) -> Response:
    """Answer for what is not of the types that an operation takes; the first problem is told."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = [str(part) for part in first["loc"] if part not in ("body", "query", "path", "header")]
    field = shown(".".join(place), 100)
    text = shown(str(first["msg"]), 300)
    message = f"{field}: {text}" if field else text
    return Problem(400, message, "bad-request", param=place[0][:64] if place else None).response()


async def _unread(request: Request, error: Exception) -> Response:
    """Answer for a body that could not be read, and for what FastAPI itself refuses."""
    cause = error.__cause__
    if isinstance(cause, Problem):
        return cause.response()
    return await FAILURES[HTTPException](request, error)


async def _failed(request: Request, error: Exception) -> Response:
    """Answer for what fails unexpectedly; the gateway logs it."""
    return Problem(500, f"unexpected {type(error).__name__}; see the server's log", "unexpected").response()
