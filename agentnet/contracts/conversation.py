"""A conversation of several turns, and the one text that a network is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import Field

from agentnet.contracts.base import WireModel
from agentnet.errors import BadInput

Speaker = Literal["system", "user", "assistant"]
SPEAKERS = {"user": "User", "assistant": "Assistant"}


class Utterance(WireModel):
    """What one side of a conversation said."""

    role: Speaker
    content: str


class Conversation(WireModel):
    """What was said before, and the question at its end."""

    turns: tuple[Utterance, ...] = Field(min_length=1)

    @classmethod
    def of(cls, messages: Iterable[Mapping[str, Any] | tuple[str, str]]) -> Conversation:
        """The conversation of chat messages: ``{"role": "user", "content": "…"}``, or pairs of role and text.

        Raises `BadInput` for what is no message, for a role that a network is not asked in, for content that is no
        text, and for no message.
        """
        if isinstance(messages, Mapping) or not isinstance(messages, Iterable):
            raise BadInput(f"a conversation is a list of messages, not {type(messages).__name__}")
        turns = []
        for message in messages:
            role, content = _role_and_content(message)
            if role not in ("system", *SPEAKERS):
                raise BadInput(f"a conversation with a {role!r} message: a network is asked in text, without tools")
            if not isinstance(content, str):
                raise BadInput(f"a {role} message holds {type(content).__name__}: a network is asked in text")
            turns.append(Utterance.model_validate({"role": role, "content": content}))
        if not turns:
            raise BadInput("the conversation is empty: there is nothing to ask the network")
        return cls(turns=tuple(turns))

    def text(self) -> str:
        """The text of the task.

        One user message is the task as it stands. System messages come first, as they stand, wherever they were said.
        Where there are several turns, each begins with who speaks (``User:``, ``Assistant:``). Blank lines part them,
        and empty messages are left out. Raises `BadInput` where nothing is left.
        """
        said = [turn for turn in self.turns if turn.content.strip()]
        system = [turn.content for turn in said if turn.role == "system"]
        turns = [turn for turn in said if turn.role != "system"]
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
