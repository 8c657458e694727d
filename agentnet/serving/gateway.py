"""The gateway: a network behind one address. Its surfaces stand side by side, on the same runs and the same callers.

==================  ========================================================================================
``/``               the page (`agentnet.serving.page`)
``/v1/…``           OpenAI's API (`agentnet.serving.openai`)
``/api/…``          runs, the network, protocols, evaluations (`agentnet.serving.api`)
``/openapi.json``   the document of all surfaces
``/a2a``            the network as an agent of A2A, with ``/.well-known/agent-card.json`` (`agentnet.serving.a2a`)
``/mcp``            tools and resources for MCP clients (`agentnet.serving.mcp`)
``/hub/v1/…``       where nodes join (`agentnet.serving.hub`)
==================  ========================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel
from starlette.routing import BaseRoute

from agentnet.serving.evaluating import EvaluationService
from agentnet.serving.names import Names
from agentnet.serving.running import RunService
from agentnet.session import Session


@dataclass(frozen=True, slots=True)
class Gateway:
    """What every surface stands on."""

    session: Session
    runs: RunService
    url: str
    """The address that callers use, without a slash at its end."""
    names: Names = field(init=False)
    """What can be asked by name."""
    evaluations: EvaluationService = field(init=False)
    """The evaluations that the owner starts."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "evaluations", EvaluationService(self.session))
        object.__setattr__(self, "names", Names(self.session))

    @property
    def network(self) -> str:
        """The network's name."""
        return self.session.network.spec.name


@dataclass(frozen=True, slots=True)
class Operation:
    """A request that a surface answers, as the gateway's OpenAPI document tells it."""

    method: Literal["get", "post", "put", "delete"]
    path: str
    """With its parameters in braces: ``/v1/responses/{id}``."""
    summary: str
    tag: str
    """The surface."""
    body: type[BaseModel] | None = None
    """The model of the JSON body, if the request has one."""
    reply: type[BaseModel] | None = None
    """The model of the JSON body of the response; None: any JSON."""
    parameters: Sequence[dict[str, Any]] = ()
    """OpenAPI's parameter objects, beside those of the path."""
    own_form: bool = False
    """Whether what is refused has the protocol's own form once a caller is let in."""
    streams: bool = False
    """Whether the response may be ``text/event-stream``."""


@dataclass(frozen=True, slots=True)
class Mounted:
    """A surface of a gateway: its routes, and what has to run while they are served."""

    routes: Sequence[BaseRoute]
    running: Sequence[Callable[[], AbstractAsyncContextManager[object]]] = field(default=())
    operations: Sequence[Operation] = field(default=())
    """What the OpenAPI document says of the routes."""
    open_paths: Collection[str] = ()
    """Paths that are open to everybody."""
    ending: Sequence[Callable[[], None]] = ()
    """What is done once the server is to end, before its runs finish: streams that have no end of their own end."""
