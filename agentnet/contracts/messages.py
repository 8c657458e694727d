"""The typed message: an envelope around one body. See ``protocols/schemas/message.json`` for the wire form.

Versions are ``major.minor``. A reader takes any minor version of its own major: bodies of an unknown kind and unknown
fields of a newer minor are tolerated. A newer major is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

from pydantic import Field, ValidationError

from agentnet.contracts.base import WireModel, first_problem, shown
from agentnet.contracts.bodies import KINDS, Body, PlannedCall, Result, Step, Unknown, answer_of
from agentnet.contracts.usage import Usage
from agentnet.errors import BadInput, SchemaVersionError

SCHEMA_VERSION = "1.4"

LARGEST_INTEGER = 2**63 - 1
"""The largest count or position: more is none, and no database holds it."""
SHOWN = 200
"""Characters of a value that an error quotes."""
COORDINATOR, USER, FUSION, CANDIDATE = "coordinator", "user", "fusion", "candidate"
"""Senders of messages that are not agents."""
RESERVED_SENDERS = frozenset({COORDINATOR, USER, FUSION, CANDIDATE})
"""Names that no agent can have."""
TASK_NODE = "task"
"""The node of a run's first message."""


def message_id(run: str, node: str, round: int, agent: str) -> str:
    """Return the id of a turn's message: the same each time the turn is executed."""
    return hashlib.blake2b(f"{run}\x1f{node}\x1f{round}\x1f{agent}".encode(), digest_size=16).hexdigest()


class Message(WireModel):
    """A message of a run. `parse` reads its wire form."""

    id: str
    run: str
    sequence: int = Field(ge=0, description="position in the run, in the order of recording")
    sender: str
    recipients: tuple[str, ...] = Field(default=(), description="empty: everyone")
    reply_to: tuple[str, ...] = Field(default=(), description="ids of the messages that the sender read")
    node: str = Field(description="path of the protocol expression that the turn belongs to")
    round: int = Field(default=0, ge=0)
    time: datetime
    schema_version: str = SCHEMA_VERSION
    usage: Usage = Usage()
    confidence: float | None = Field(
        default=None,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="mean token probability of the reply; for scored replies, the probability of the chosen one",
    )
    instead_of: str | None = Field(
        default=None, description="id of the message of a member that could not be asked, whose turn this one takes"
    )
    served_by: str | None = Field(default=None, description="name of the node that served the sender's model")
    finish: Literal["stop", "length"] | None = Field(
        default=None, description="why the reply ended: by itself, or at its limit of tokens; null: not known"
    )
    signature: str | None = Field(default=None, description="room for a sender's signature; not interpreted yet")
    body: Body


def approval(messages: Iterable[Message]) -> bool | None:
    """Return whether the answer that some messages end with was approved; None where no verifier was asked.

    `messages` are those of a run, in their order: the last one with an answer is the run's answer.
    """
    answers = [message.body for message in messages if answer_of(message.body) is not None]
    last = answers[-1] if answers else None
    return last.approved if isinstance(last, Result) else None


def parse(data: str | bytes | dict[str, Any]) -> Message:
    """Read a message from its wire form (JSON text, or the object of it).

    Raises `SchemaVersionError` for a newer major version and `BadInput` for anything that is not a message.
    """
    try:
        raw = json.loads(data) if isinstance(data, str | bytes) else dict(data)
    except (ValueError, TypeError, RecursionError) as error:
        raise BadInput(f"not a message: {shown(str(error), SHOWN)}") from error
    if not isinstance(raw, dict):
        raise BadInput(f"not a message: expected an object, found {type(raw).__name__}")
    newer = _is_newer_minor(str(raw.get("schema_version", "")))
    try:
        message = Message.model_validate_json(json.dumps(_known_fields(raw) if newer else raw))
    except ValidationError as error:
        raise BadInput(f"not a message: {first_problem(error)}") from error
    except (ValueError, TypeError, RecursionError) as error:  # an object that JSON cannot say
        raise BadInput(f"not a message: {shown(str(error), SHOWN)}") from error
    if max(_whole_numbers(message)) > LARGEST_INTEGER:
        raise BadInput("not a message: a number in it is larger than 2^63 - 1")
    if isinstance(message.body, Unknown) and not newer:
        kind = shown(message.body.kind, SHOWN)
        raise BadInput(f"not a message: body.kind: {kind!r} is none of {', '.join(KINDS)}")
    return message


def _whole_numbers(message: Message) -> tuple[int, ...]:
    usage = message.usage
    tokens = usage.prompt_tokens, usage.completion_tokens, usage.reused_tokens
    return message.sequence, message.round, usage.calls, *tokens


def _is_newer_minor(version: str) -> bool:
    ours_major, ours_minor = map(int, SCHEMA_VERSION.split("."))
    try:
        major, minor = map(int, version.split("."))
    except ValueError:
        version = shown(version, SHOWN)
        raise BadInput(f"not a message: schema_version {version!r} is not of the form major.minor") from None
    if major > ours_major:
        raise SchemaVersionError(
            f"message schema {shown(version, SHOWN)} is newer than "
            f"{SCHEMA_VERSION}, which this version reads: update agentnet-ai"
        )
    return major == ours_major and minor > ours_minor


def _known_fields(raw: dict[str, Any]) -> Any:
    """The message without the fields that a newer minor version added to known types."""
    kept = _only(Message, raw)
    body = kept.get("body")
    if "usage" in kept:
        kept["usage"] = _only(Usage, kept["usage"])
    kind = body.get("kind") if isinstance(body, dict) else None
    if isinstance(kind, str) and kind in KINDS:
        kept["body"] = _only(KINDS[kind], body)
        if isinstance(steps := kept["body"].get("steps"), list):
            kept["body"]["steps"] = [_only(Step, step) for step in steps]
        if isinstance(pending := kept["body"].get("pending"), list):
            kept["body"]["pending"] = [_only(PlannedCall, call) for call in pending]
    return kept


def _only(kind: type[WireModel], value: Any) -> Any:
    """An object without the fields that its type does not have; any other value unchanged."""
    if not isinstance(value, dict):
        return value
    return {name: part for name, part in value.items() if name in kind.model_fields}
