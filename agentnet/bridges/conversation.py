"""A conversation as one text: what a network is asked is a single task."""

from __future__ import annotations

from collections.abc import Sequence

from agentnet.errors import BadInput

SPEAKERS = {"user": "User", "assistant": "Assistant"}

Said = tuple[str, str]
"""Who speaks (``system``, ``user`` or ``assistant``), and the text."""


def flatten(conversation: Sequence[Said]) -> str:
    """The text of a task.

    One user message is the task as it stands. System messages come first, as they stand, wherever they were said. Of
    several turns each begins with who speaks (``User:``, ``Assistant:``). Blank lines part all of them; empty messages
    are left out. Raises `BadInput` where nothing is left, or for a speaker of another kind.
    """
    for role, _ in conversation:
        if role != "system" and role not in SPEAKERS:
            raise BadInput(f"a conversation with a {role!r} message: a network is asked in text, without tools")
    said = [(role, text) for role, text in conversation if text.strip()]
    system = [text for role, text in said if role == "system"]
    turns = [(role, text) for role, text in said if role != "system"]
    if [role for role, _ in turns] == ["user"]:
        parts = [*system, turns[0][1]]
    else:
        parts = [*system, *(f"{SPEAKERS[role]}: {text}" for role, text in turns)]
    if not parts:
        raise BadInput("the conversation is empty: there is nothing to ask the network")
    return "\n\n".join(parts)
