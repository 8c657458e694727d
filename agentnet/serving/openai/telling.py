"""What is told of a run to whoever chats with it: the members' words as reasoning, and the answer as content.

A protocol's answer is the content. What members say before streams as reasoning, one turn after another, although
several may speak at once: each begins with a line that names the member and its role, and its words are quoted, line
by line, so that no member can pass its words off as another's turn. One agent by itself is told in its own words, as
they are written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, Protocol

from agentnet.agents.forms import REFUSES, STRUCTURED, THINKING_ENDS, THINKING_STARTS
from agentnet.contracts.bodies import Body, Critique, Fusion, Proposal, Refusal, Revision, Synthesis, Task
from agentnet.contracts.events import Event, MessageSaid, RunEnded, TextStreamed, TurnStarted
from agentnet.contracts.messages import Message
from agentnet.models.text import overlap
from agentnet.prompts.words import clean
from agentnet.rendering.describe import describe

Channel = Literal["reasoning", "content", "refusal"]
Told = tuple[Channel, str]
"""Where a piece of text belongs, and the text."""

QUOTE = "> "


class Telling(Protocol):
    """From the events of one run to what is told."""

    def tell(self, event: Event) -> Iterator[Told]:
        """Yield what an event adds."""
        ...


class OwnWords:
    """The words of one agent. Spaces around them are left out, and thinking is reasoning."""

    def __init__(self, *, reasoning: bool) -> None:
        self._reasoning = reasoning
        self._words = _Words()
        self._said = False

    def tell(self, event: Event) -> Iterator[Told]:
        match event:
            case TextStreamed():
                self._said = True
                yield from self._wanted(self._words.add(event.text))
            case MessageSaid(message=message) if not self._said:
                body = message.body
                text = f"{REFUSES} {body.reason}" if isinstance(body, Refusal) else _written(body)
                self._said = text is not None
                yield from self._wanted(self._words.add(text or ""))
            case RunEnded():
                yield from self._wanted(self._words.rest())

    def _wanted(self, told: Iterator[Told]) -> Iterator[Told]:
        return (one for one in told if one[1] and (self._reasoning or one[0] != "reasoning"))


class _Words:
    """A reply that arrives in pieces: where it thinks, declines, or speaks. Spaces wait for what comes after them."""

    def __init__(self) -> None:
        self._channel: Channel | None = None
        self._held = ""

    def add(self, text: str) -> Iterator[Told]:
        text = self._held + text
        self._held = ""
        if self._channel is None:
            text = text.lstrip()
            if any(mark.startswith(text) for mark in (THINKING_STARTS, REFUSES)):
                self._held = text
                return
            text = self._begun(text)
        if self._channel == "reasoning" and text:
            thought, ends, text = text.partition(THINKING_ENDS)
            if not ends:
                said = thought[: len(thought) - overlap(thought, THINKING_ENDS)].rstrip()
                self._held = thought[len(said) :]
                yield "reasoning", said
                return
            yield "reasoning", thought.rstrip()
            self._channel = None
            yield from self.add(text)
            return
        words = text.rstrip()
        self._held = text[len(words) :]
        if words and self._channel is not None:
            yield self._channel, words

    def rest(self) -> Iterator[Told]:
        """Yield what was held back, at the end of the reply."""
        held, self._held = self._held.strip(), ""
        if held:
            yield self._channel or "content", held

    def _begun(self, text: str) -> str:
        for mark, channel in ((THINKING_STARTS, "reasoning"), (REFUSES, "refusal")):
            if text.startswith(mark):
                self._channel = channel  # type: ignore[assignment]
                return text.removeprefix(mark).lstrip()
        self._channel = "content"
        return text


@dataclass(slots=True)
class _Turn:
    """A turn that is not told to its end yet."""

    head: str
    structured: bool = False
    waiting: list[str] = field(default_factory=list)
    begun: bool = False
    """Whether its head was told."""
    streamed: bool = False
    """Whether its words came piece by piece."""
    over: bool = False


class Deliberation:
    """A protocol's run: its members' turns as reasoning, and its answer as content."""

    def __init__(self, *, reasoning: bool) -> None:
        self._reasoning = reasoning
        self._turns: dict[str, _Turn] = {}
        """By the id of the message, in the order in which they are told: the first is being told."""
        self._said: dict[str, Message] = {}

    def tell(self, event: Event) -> Iterator[Told]:
        if self._reasoning:
            yield from (("reasoning", text) for text in self._reasons(event) if text)
        if isinstance(event, RunEnded):
            if event.answer:
                yield "content", event.answer
            elif event.status == "failed" and (declined := self._declined()):
                yield "refusal", declined
        elif isinstance(event, MessageSaid):
            self._said[event.message.id] = event.message

    def _declined(self) -> str:
        last = list(self._said.values())[-1].body if self._said else None
        return last.reason if isinstance(last, Refusal) else ""

    def _reasons(self, event: Event) -> Iterator[str]:
        match event:
            case TurnStarted():
                self._turns.setdefault(event.message, _Turn(_head(event.agent, event.role), event.role in STRUCTURED))
                yield from self._floor()
            case TextStreamed():
                turn = self._turns.get(event.message)
                if turn is None or turn.structured:
                    return
                turn.streamed = True
                turn.waiting.append(_quoted(event.text))
                if turn.begun:  # nobody else has the floor
                    yield turn.waiting.pop()
            case MessageSaid(message=message) if not isinstance(message.body, Task):
                turn = self._turns.setdefault(message.id, _Turn(_head(message.sender, message.body.kind)))
                written = _written(message.body)
                if written is None or not turn.streamed:
                    text = describe(message, self._said, verbose=True).text if written is None else written
                    turn.waiting.append(_quoted(f"\n{text}" if turn.streamed else text))
                turn.over = True
                yield from self._floor()
            case RunEnded():
                for turn in self._turns.values():
                    turn.over = True
                yield from self._floor()

    def _floor(self) -> Iterator[str]:
        """Tell turns to their ends, as far as they are over, and what there is of the next one."""
        while self._turns:
            id, turn = next(iter(self._turns.items()))
            if not turn.begun:
                turn.begun = True
                yield turn.head
            yield "".join(turn.waiting)
            turn.waiting.clear()
            if not turn.over:
                return
            yield "\n\n"
            del self._turns[id]


def telling(agent: str | None, *, reasoning: bool) -> Telling:
    """Return how the run of an agent, or of a protocol, is told."""
    return Deliberation(reasoning=reasoning) if agent is None else OwnWords(reasoning=reasoning)


def _written(body: Body) -> str | None:
    """Return what a member wrote, for a body that is a text; None for any other."""
    return body.text if isinstance(body, Proposal | Revision | Synthesis | Critique | Fusion) else None


def _head(name: str, role: str) -> str:
    return f"{name} ({role}):\n{QUOTE}"


def _quoted(text: str) -> str:
    text = clean(text)
    return text.replace("\n", f"\n{QUOTE}") if "\n" in text else text
