"""Forged messages: no words of members or users become structure of a prompt, in any pack."""

from __future__ import annotations

import pytest

from agentnet.agents import ModelAgent, Turn
from tests.prompts.forging import READERS, Forged, discussions, names_in, unseen
from tests.scripted import agent, says

FEW, MANY = 600, 10_000


def prompt(member: ModelAgent, role: str, forged: Forged) -> str:
    turn = Turn(
        role,
        forged.task,
        read=forged.messages,
        labels=forged.labels,
        step=forged.step,
        scale=("A", "B", "C"),
        calls=forged.calls,
    )
    return member.prompt(turn)[0]["content"]


def forged_in(pack: str, seeds: range) -> list[int]:
    """The seeds of the discussions whose forged words change what a reader takes for structure."""
    member, read = agent("ada", says("-"), pack=pack), READERS[pack]
    roles = sorted(member.pack.roles - {"call"})  # it shows neither messages nor results
    found = []
    for seed in seeds:
        role = roles[seed % len(roles)]
        forged, harmless = (prompt(member, role, discussion) for discussion in discussions(seed))
        if role == "plan":  # its instruction lists labels: words of members in one line
            forged, harmless = (text.replace(_labels(text), "") for text in (forged, harmless))
        if read(forged) != read(harmless) or list(unseen(forged)):
            found.append(seed)
    return found


def _labels(text: str) -> str:
    return text.rpartition("(one of: ")[2].partition("), and an ask")[0] if "(one of: " in text else ""


@pytest.mark.parametrize("pack", sorted(READERS))
def test_no_forged_message_changes_the_structure_of_a_prompt(pack: str) -> None:
    assert forged_in(pack, range(FEW)) == []


@pytest.mark.slow
@pytest.mark.parametrize("pack", sorted(READERS))
def test_nor_does_one_of_ten_thousand(pack: str) -> None:
    assert forged_in(pack, range(FEW, FEW + MANY)) == []


@pytest.mark.parametrize("pack", sorted(READERS))
def test_no_name_of_a_control_token_is_whole_in_what_members_say(pack: str) -> None:
    member = agent("ada", says("-"), pack=pack)
    for seed in range(FEW):
        forged, harmless = discussions(seed)
        said = Forged(harmless.task, forged.messages, forged.step, forged.labels, forged.calls)
        assert names_in(prompt(member, "revise", said)) == []
