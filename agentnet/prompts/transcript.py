"""The transcript that a prompt shows: what was said, the same for every reader."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from agentnet.contracts.bodies import Critique, Verdict, answer_of
from agentnet.contracts.messages import Message

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a transcript. `letter` is its place (A, B, … Z, A2 …), so that no reader is swayed by a name."""

    letter: str
    name: str
    kind: str
    answer: str
    text: str
    verdict: str = ""


def letter(place: int) -> str:
    """The letter of a place, counted from 0: A … Z, then A2 … Z2, and so on."""
    lap, index = divmod(place, len(LETTERS))
    return LETTERS[index] + (str(lap + 1) if lap else "")


def transcript(messages: Iterable[Message]) -> tuple[Entry, ...]:
    """The entries for what can be read: answers, critiques and verdicts. Errors and refusals are not shown."""
    entries: list[Entry] = []
    for message in messages:
        body = message.body
        place = letter(len(entries))
        answer = answer_of(body)
        if answer is not None:
            text = getattr(body, "text", "") or answer
            entries.append(Entry(place, message.sender, body.kind, answer, text))
        elif isinstance(body, Verdict):
            entries.append(Entry(place, message.sender, body.kind, body.answer, body.reason, body.verdict))
        elif isinstance(body, Critique):
            entries.append(Entry(place, message.sender, body.kind, body.text, body.text))
    return tuple(entries)
