"""A conversation becomes the text of one task."""

from __future__ import annotations

import pytest

from agentnet.bridges.conversation import flatten
from agentnet.errors import BadInput


def test_one_user_message_is_the_task_as_it_stands() -> None:
    assert flatten([("user", "What is 2 * 12?\n")]) == "What is 2 * 12?\n"


def test_what_the_system_says_comes_first() -> None:
    assert flatten([("user", "What is 2 * 12?"), ("system", "Be brief.")]) == "Be brief.\n\nWhat is 2 * 12?"


def test_several_turns_say_who_speaks() -> None:
    turns = [("system", "Be brief."), ("user", "2 * 12?"), ("assistant", "24"), ("assistant", " "), ("user", "Sure?")]
    assert flatten(turns) == "Be brief.\n\nUser: 2 * 12?\n\nAssistant: 24\n\nUser: Sure?"


@pytest.mark.parametrize("turns", [[], [("user", " ")], [("user", "2 * 12?"), ("tool", "24")]])
def test_what_is_no_text_for_a_network_is_refused(turns: list[tuple[str, str]]) -> None:
    with pytest.raises(BadInput):
        flatten(turns)
