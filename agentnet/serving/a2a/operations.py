"""What the gateway's OpenAPI document says of A2A. The protocol's own definition is the specification."""

from __future__ import annotations

from typing import Any, Literal

from a2a.utils.constants import AGENT_CARD_WELL_KNOWN_PATH
from pydantic import BaseModel, Field

from agentnet.serving.a2a.card import KEYS_PATH, PATH
from agentnet.serving.gateway import Operation


class Call(BaseModel):
    """A call of JSON-RPC: `SendMessage`, `GetTask` and the other methods of A2A."""

    jsonrpc: Literal["2.0"]
    method: str
    id: int | str | None = None
    params: dict[str, Any] | None = None


class Sending(BaseModel):
    """A message to the network: A2A's `SendMessageRequest`."""

    message: dict[str, Any] = Field(description="messageId, role, parts; with a taskId it answers the task's question")
    configuration: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None


def _query(name: str, kind: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": {"type": kind}}


_VERSION = {"name": "A2A-Version", "in": "header", "required": True, "schema": {"const": "1.0"}}
_HISTORY = _query("historyLength", "integer")
_LISTED = [
    _query("contextId", "string"),
    _query("status", "string"),
    _query("statusTimestampAfter", "string"),
    _query("pageSize", "integer"),
    _query("pageToken", "string"),
    _query("includeArtifacts", "boolean"),
    _HISTORY,
]
OPERATIONS = tuple(
    Operation(
        method,  # type: ignore[arg-type]
        path,
        summary,
        "a2a",
        body=body,
        parameters=parameters if path.startswith("/.well-known/") else [_VERSION, *parameters],
        own_form=path.startswith(PATH),
        streams=streams,
    )
    for method, path, summary, body, parameters, streams in (
        ("get", AGENT_CARD_WELL_KNOWN_PATH, "Read the network's agent card", None, [], False),
        ("get", KEYS_PATH, "Read the key that signed the card", None, [], False),
        ("post", PATH, "Call a method over JSON-RPC", Call, [], True),
        ("post", f"{PATH}/message:send", "Begin a task, or answer what one asks", Sending, [], False),
        ("post", f"{PATH}/message:stream", "The same, and follow it", Sending, [], True),
        ("get", f"{PATH}/tasks", "List tasks", None, _LISTED, False),
        ("get", f"{PATH}/tasks/{{id}}", "Read a task", None, [_HISTORY], False),
        ("post", f"{PATH}/tasks/{{id}}:cancel", "Cancel a task", None, [], False),
        ("post", f"{PATH}/tasks/{{id}}:subscribe", "Follow a task", None, [], True),
    )
)
