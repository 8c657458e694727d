"""What a caller asks, and by which protocol: any form of a question becomes a task, any form of a protocol a spec."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import ValidationError

from agentnet.collab.inline import protocol_from, read_protocol
from agentnet.contracts.base import first_problem
from agentnet.contracts.bodies import Task
from agentnet.contracts.conversation import Conversation
from agentnet.contracts.protocols import ProtocolSpec
from agentnet.contracts.tagged import TaggedModel
from agentnet.errors import BadInput, ProtocolError

Question: TypeAlias = str | Task | Conversation | Iterable[Mapping[str, str]]
"""A question: a text, a task with its label, or a conversation (also as chat messages with role and content)."""
Protocol: TypeAlias = str | Path | ProtocolSpec | TaggedModel | Mapping[str, Any]
"""A protocol: a shipped name, a YAML file, an expression (text, data or combinators), an agent's name, or a spec."""


def as_task(question: Question, label: str | None = None) -> Task:
    """Return the task of a question. Raises `BadInput` for an empty question, and for a value that is none."""
    if isinstance(question, bytes) or not isinstance(question, str | Task | Conversation | Iterable):
        raise BadInput(f"a question is a text, a task or a conversation, not {type(question).__name__}")
    if isinstance(question, Task):
        return question if label is None else question.model_copy(update={"label": label})
    if not isinstance(question, str):
        conversation = question if isinstance(question, Conversation) else Conversation.of(question)
        question = conversation.text()
    if not question.strip():
        raise BadInput("the question is empty")
    try:
        return Task(text=question, label=label)
    except ValidationError as error:
        raise BadInput(f"the question's {first_problem(error)}") from error


def as_protocol(protocol: Protocol, *, agents: Collection[str] = ()) -> tuple[ProtocolSpec, str | None]:
    """Return the spec of a protocol, and its source: a shipped name or a file, None for an expression.

    The name of one of the `agents` becomes the expression that asks this agent. Raises `ProtocolError`.
    """
    if isinstance(protocol, ProtocolSpec):
        return protocol, None
    if isinstance(protocol, str | Path):
        return read_protocol(str(protocol), agents=agents)
    if not isinstance(protocol, TaggedModel | Mapping):
        raise ProtocolError(f"a protocol is a name, a file, an expression or a spec, not {type(protocol).__name__}")
    return protocol_from(protocol), None
