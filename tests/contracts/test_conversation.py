"""A conversation becomes the text of one task."""

from __future__ import annotations

import pytest

from agentnet.contracts.conversation import Conversation
from agentnet.errors import BadInput


def text_of(turns: list[tuple[str, str]]) -> str:
    return Conversation.of(turns).text()


def test_one_user_message_is_the_task_as_it_stands() -> None:
    assert text_of([("user", "What is 2 * 12?\n")]) == "What is 2 * 12?\n"


def test_what_the_system_says_comes_first() -> None:
    assert text_of([("user", "What is 2 * 12?"), ("system", "Be brief.")]) == "Be brief.\n\nWhat is 2 * 12?"


def test_several_turns_say_who_speaks() -> None:
    turns = [("system", "Be brief."), ("user", "2 * 12?"), ("assistant", "24"), ("assistant", " "), ("user", "Sure?")]
    assert text_of(turns) == "Be brief.\n\nUser: 2 * 12?\n\nAssistant: 24\n\nUser: Sure?"


@pytest.mark.parametrize("turns", [[], [("user", " ")], [("user", "2 * 12?"), ("tool", "24")]])
def test_what_is_no_text_for_a_network_is_refused(turns: list[tuple[str, str]]) -> None:
    with pytest.raises(BadInput):
        text_of(turns)


def test_chat_messages_are_a_conversation() -> None:
    messages = [{"role": "user", "content": "2 * 12?"}, {"role": "assistant", "content": "24"}]
    assert Conversation.of(messages) == Conversation.of([("user", "2 * 12?"), ("assistant", "24")])
    with pytest.raises(BadInput, match="a user message holds list: a network takes only text"):
        Conversation.of([{"role": "user", "content": [{"type": "image"}]}])
