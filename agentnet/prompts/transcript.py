"""The transcript in a prompt: the messages so far, the same for every reader."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from agentnet.contracts.bodies import Answered, Critique, Verdict, answer_of
from agentnet.contracts.messages import Message

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a transcript. Its `letter` (A, B, … Z, A2 …) replaces the agent's name, which could bias readers."""

    letter: str
    name: str
    kind: str
    answer: str
    text: str
    verdict: str = ""


def letter(index: int) -> str:
    """Return the letter of an index, counted from 0: A … Z, then A2 … Z2, and so on."""
    lap, offset = divmod(index, len(LETTERS))
    return LETTERS[offset] + (str(lap + 1) if lap else "")


def readable(message: Message) -> bool:
    """Return whether a prompt can show a message: answers, critiques and verdicts, but no errors or refusals."""
    return isinstance(message.body, (*Answered, Verdict, Critique))


def transcript(messages: Iterable[Message]) -> tuple[Entry, ...]:
    """Return the entries of the readable messages."""
    return tuple(_entry(letter(index), message) for index, message in enumerate(filter(readable, messages)))


def _entry(letter: str, message: Message) -> Entry:
    body = message.body
    if isinstance(body, Verdict):
        return Entry(letter, message.sender, body.kind, body.answer, body.reason, body.verdict)
    if isinstance(body, Critique):
        return Entry(letter, message.sender, body.kind, body.text, body.text)
    answer = answer_of(body) or ""
    return Entry(letter, message.sender, body.kind, answer, getattr(body, "text", "") or answer)
