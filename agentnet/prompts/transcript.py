"""The transcript that a prompt shows: what was said, the same for every reader."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from agentnet.contracts.bodies import Answered, Critique, Verdict, answer_of
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


def readable(message: Message) -> bool:
    """Whether a prompt can show a message: answers, critiques and verdicts, but no errors and refusals."""
    return isinstance(message.body, (*Answered, Verdict, Critique))


def transcript(messages: Iterable[Message]) -> tuple[Entry, ...]:
    """The entries for what is readable among some messages."""
    return tuple(_entry(letter(place), message) for place, message in enumerate(filter(readable, messages)))


def _entry(place: str, message: Message) -> Entry:
    body = message.body
    if isinstance(body, Verdict):
        return Entry(place, message.sender, body.kind, body.answer, body.reason, body.verdict)
    if isinstance(body, Critique):
        return Entry(place, message.sender, body.kind, body.text, body.text)
    answer = answer_of(body) or ""
    return Entry(place, message.sender, body.kind, answer, getattr(body, "text", "") or answer)
