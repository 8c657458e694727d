"""The OpenAPI document of a gateway: of the API, from its types, and of what the other surfaces say of themselves."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentnet.serving.api.shown import Failure
from agentnet.serving.api.surface import PREFIX, ROUTERS
from agentnet.serving.gateway import Operation

PATH = "/openapi.json"
ABOUT = """A network of language models behind one address. Send a key as `Authorization: Bearer …`; without any keys,
a server is there for the programs of its own machine."""


def document(operations: Iterable[Operation]) -> dict[str, Any]:
    """Return the document of the API and of some `operations` of other surfaces."""
    app = FastAPI(title="AgentNet", version=_version(), description=ABOUT)
    for router in ROUTERS:
        app.include_router(router, prefix=PREFIX)
    refused: dict[int | str, dict[str, Any]] = {
        "4XX": {"model": Failure, "description": "The request is refused: what is wrong, and what to do"}
    }
    own: dict[int | str, dict[str, Any]] = {
        "4XX": {"description": "The request is refused, in the protocol's own form"}
    }
    for operation in operations:
        app.add_api_route(
            operation.path,
            _told(operation),
            methods=[operation.method.upper()],
            summary=operation.summary,
            tags=[operation.tag],
            response_model=operation.reply,
            responses={
                **(own if operation.own_form else refused),
                **({200: {"content": {"text/event-stream": {}}}} if operation.streams else {}),
            },
            openapi_extra={"parameters": list(operation.parameters)} if operation.parameters else None,
        )
    data = app.openapi()
    failure = {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}}
    for path in data["paths"].values():
        for told in path.values():
            for status in told["responses"]:
                if status.endswith("XX") and "content" in told["responses"][status]:  # whatever else it sends
                    told["responses"][status]["content"] = failure
    body = data["components"]["schemas"]["Message"]["properties"]["body"]
    body["anyOf"] = body.pop("oneOf")  # a kind that this version does not know has any of their fields
    data["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    data["security"] = [{"key": []}, {}]
    return data


def document_route(operations: Iterable[Operation]) -> Route:
    """Return the route of the document."""
    data = document(operations)

    async def openapi(request: Request) -> Response:
        return JSONResponse(data)

    return Route(PATH, openapi)


def _version() -> str:
    try:
        return version("agentnet-ai")
    except PackageNotFoundError:
        return "0"  # run from its source


def _told(operation: Operation) -> Any:
    """Return a function of the operation's types, as FastAPI reads them; it is never called."""

    async def told(**values: Any) -> Any:
        raise AssertionError

    names = re.findall(r"{(\w+)", operation.path)
    kinds: dict[str, Any] = dict.fromkeys(names, str)
    if operation.body is not None:
        kinds["body"] = operation.body
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter(name, keyword, annotation=kind) for name, kind in kinds.items()]
    told.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return told
