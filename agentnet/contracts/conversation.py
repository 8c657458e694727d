"""A conversation of several turns, and its text as one task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import Field

from agentnet.contracts.base import WireModel
from agentnet.errors import BadInput

Speaker = Literal["system", "user", "assistant"]
SPEAKERS = {"user": "User", "assistant": "Assistant"}


class Utterance(WireModel):
    """A turn of one side of a conversation."""

    role: Speaker
    content: str


class Conversation(WireModel):
    """A question with the turns before it."""

    turns: tuple[Utterance, ...] = Field(min_length=1)

    @classmethod
    def of(cls, messages: Iterable[Mapping[str, Any] | tuple[str, str]]) -> Conversation:
        """Return the conversation of chat messages: ``{"role": "user", "content": "…"}``, or pairs of role and text.

        Raises `BadInput` for a value that is not a message, for another role, for content that is not text, and without
        messages.
        """
        if isinstance(messages, Mapping) or not isinstance(messages, Iterable):
            raise BadInput(f"a conversation is a list of messages, not {type(messages).__name__}")
        turns = []
        for message in messages:
            role, content = _role_and_content(message)
            if role not in ("system", *SPEAKERS):
                raise BadInput(f"a conversation with a {role!r} message: a network takes only text, without tools")
            if not isinstance(content, str):
                raise BadInput(f"a {role} message holds {type(content).__name__}: a network takes only text")
            turns.append(Utterance.model_validate({"role": role, "content": content}))
        if not turns:
            raise BadInput("the conversation is empty: there is nothing to ask the network")
        return cls(turns=tuple(turns))

    def text(self) -> str:
        """Return the text of the task.

        A single user message is the task, unchanged. System messages come first, unchanged, wherever they occur. In a
        conversation of several turns, each begins with its speaker (``User:``, ``Assistant:``). Blank lines separate
        them, and empty messages are left out. Raises `BadInput` if nothing is left.
        """
        utterances = [turn for turn in self.turns if turn.content.strip()]
        system = [turn.content for turn in utterances if turn.role == "system"]
        turns = [turn for turn in utterances if turn.role != "system"]
        if [turn.role for turn in turns] == ["user"]:
            parts = [*system, turns[0].content]
        else:
            parts = [*system, *(f"{SPEAKERS[turn.role]}: {turn.content}" for turn in turns)]
        if not parts:
            raise BadInput("the conversation is empty: there is nothing to ask the network")
        return "\n\n".join(parts)


def _role_and_content(message: object) -> tuple[Any, Any]:
    match message:
        case Mapping() if "role" in message and "content" in message:
            return message["role"], message["content"]
        case tuple() | list() if len(message) == 2:
            return message[0], message[1]
        case _:
            raise BadInput(f"{message!r:.80} is no message: give its role and its content")
