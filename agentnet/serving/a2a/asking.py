"""What a message of a client asks the network."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from a2a.types.a2a_pb2 import Message, Part, SendMessageRequest
from a2a.utils.errors import ContentTypeNotSupportedError, InvalidParamsError
from google.protobuf.json_format import MessageToDict
from pydantic import Field, ValidationError

from agentnet.contracts.base import FileModel, first_problem
from agentnet.contracts.conversation import Conversation, Utterance
from agentnet.contracts.limits import Limits
from agentnet.contracts.runs import RunRecord
from agentnet.contracts.serving import LONGEST_CONTEXT
from agentnet.serving.names import AUTO

EXTENSION = "urn:agentnet:run"
"""The key in a message's metadata under which a client chooses how it is answered: a `Wishes` object."""
TEXT, JSON = "text/plain", "application/json"
INPUT_MODES = (TEXT, "text/markdown", JSON)
OUTPUT_MODES = (TEXT, JSON)
_ANY_MODES = frozenset({"*/*", "text/*", "text", *OUTPUT_MODES})
"""Media types, and what clients write for any, of which one at least has to be accepted."""
MOST_EARLIER = 32
"""Earlier tasks of a context that a new one is told of: the last ones."""


class Wishes(FileModel):
    """How a message is to be answered."""

    protocol: str = Field(default=AUTO, max_length=200, description="`auto`, a protocol, or NETWORK/MEMBER")
    label: str | None = Field(default=None, description="the kind of task, as cards name it")
    seed: int = Field(default=0, ge=0, lt=2**63)
    limits: Limits | None = None


def wishes_of(request: SendMessageRequest) -> Wishes:
    """Return how a message is to be answered; its own metadata go before those of the request. Raises `A2AError`."""
    found: dict[str, Any] = {}
    for holder in (request, request.message):
        value = MessageToDict(holder.metadata).get(EXTENSION, {}) if holder.HasField("metadata") else {}
        if not isinstance(value, dict):
            raise InvalidParamsError(f"metadata.{EXTENSION}: is an object with protocol, label, seed and limits")
        found |= value
    try:
        return Wishes.model_validate(found)
    except ValidationError as error:
        raise InvalidParamsError(f"metadata.{EXTENSION}.{first_problem(error)}") from None


def output_modes(request: SendMessageRequest) -> list[str]:
    """Return the media types that a client accepts, none if it does not say. Raises `A2AError` for none of ours."""
    modes = list(request.configuration.accepted_output_modes)
    if modes and not _ANY_MODES.intersection(modes):
        raise ContentTypeNotSupportedError(f"answers are {' or '.join(OUTPUT_MODES)}: accept one of them")
    return modes


def words_of(message: Message) -> str:
    """Return what the parts of a message say, data as JSON. Raises `A2AError` for files, and for no words at all."""
    words = "\n\n".join(filter(str.strip, map(_words, message.parts)))
    if not words:
        raise InvalidParamsError("the message has no words: send a part with text")
    return words


def _words(part: Part) -> str:
    kind = part.WhichOneof("content")
    if part.media_type and part.media_type not in INPUT_MODES:
        raise ContentTypeNotSupportedError(f"{part.media_type[:100]} is not read here: send {', '.join(INPUT_MODES)}")
    if kind == "data":
        return json.dumps(MessageToDict(part.data), ensure_ascii=False)
    if kind in ("raw", "url"):
        raise ContentTypeNotSupportedError("files are not read here: send their text as a part with text")
    return part.text


def context_of(message: Message) -> str:
    """Return the context that a client gives a new task; empty if it gives none. Raises `A2AError`."""
    if len(message.context_id) > LONGEST_CONTEXT or "\0" in message.context_id:
        raise InvalidParamsError(f"contextId: is text of at most {LONGEST_CONTEXT} characters")
    return message.context_id


def conversation(earlier: Iterable[tuple[str, RunRecord]], words: str) -> Conversation:
    """Return a context's tasks so far, each with its client's words and its answer, and the new words behind them."""
    turns: list[Utterance] = []
    for said, record in earlier:
        turns.append(Utterance(role="user", content=said))
        if record.answer:
            turns.append(Utterance(role="assistant", content=record.answer))
    return Conversation(turns=(*turns, Utterance(role="user", content=words)))


def prefers_json(modes: Sequence[str]) -> bool:
    """Return whether a client takes an answer as data rather than as text."""
    wanted = [mode for mode in modes if mode in _ANY_MODES]
    return bool(wanted) and wanted[0] == JSON
