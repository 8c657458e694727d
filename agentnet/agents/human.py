"""A person as a member of a network.

A turn of a person interrupts the run (LangGraph's `interrupt`): the state is saved, and the caller of the run asks the
person. Their words resume the run, in this process or in a later one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from langgraph.types import interrupt

from agentnet.agents.base import Agent, Need, OnText, Reply, Turn
from agentnet.agents.forms import STRUCTURED, body_of
from agentnet.contracts.bodies import Body, Error
from agentnet.contracts.cards import Card
from agentnet.contracts.questions import Question
from agentnet.errors import ReplyError
from agentnet.prompts import Pack, transcript

VERDICTS = ("approve", "disapprove")
_FIELD = {"verify": "verdict", "choose": "choice"}
"""Role → the field of the reply that holds the choice."""


@dataclass(frozen=True)
class HumanAgent(Agent):
    """A person with a name and a card. The templates of `pack` word the questions."""

    name: str
    card: Card
    pack: Pack
    metered: ClassVar[bool] = False

    async def take(self, turn: Turn, on_text: OnText | None = None) -> Reply:
        """Return the person's reply. Interrupts the run until their words arrive."""
        words = interrupt(self.question(turn).model_dump(mode="json"))
        body: Body
        try:
            body = self.read(turn, str(words))
        except ReplyError as error:
            body = Error(code=error.code, detail=str(error))
        return Reply(body)

    def question(self, turn: Turn) -> Question:
        """Return the turn as a question to the person."""
        entries = transcript(turn.read)
        context: dict[str, Any] = {"name": self.name, "labels": turn.labels, "max_steps": turn.max_steps}
        choices = VERDICTS if turn.role == "verify" else tuple(entry.letter for entry in entries)
        return Question(
            agent=self.name,
            role=turn.role,
            message=turn.message,
            text=self.pack.render(turn.role, turn.task, entries, step=turn.step, **context).strip(),
            choices=choices if turn.role in STRUCTURED else (),
        )

    def read(self, turn: Turn, words: str) -> Body:
        """Return the typed body of a person's words. Their last line is the answer. Raises `ReplyError`."""
        words = words.strip()
        if turn.role in STRUCTURED:
            question = self.question(turn)
            choice = question.choice_of(words)
            if choice is None:
                raise ReplyError(f"{self.name} said {words!r}, which is none of {', '.join(question.choices)}")
            reason = words.partition(" ")[2].strip()
            return body_of(turn, json.dumps({_FIELD[turn.role]: choice, "reason": reason}), self.pack)
        last = words.rpartition("\n")[2].strip()
        if "\n" in words and self.pack.final_answer(words) is None and last:
            words = f"{words}\n{self.pack.spec.answer_marker} {last}"
        return body_of(turn, words, self.pack)

    def with_card(self, card: Card) -> HumanAgent:
        return replace(self, card=card)

    def can(self, need: Need) -> str | None:
        """Return why a person cannot meet a need: people give no probabilities, and write no plans."""
        if need.role not in self.pack.roles:
            return f"{self.name} is a person and cannot {need.role}; give that role to a model"
        if need.logprobs:
            return f"{self.name} is a person and gives no confidence; decide by majority instead"
        if need.scored:
            return f"{self.name} is a person and cannot score replies; set `by: reason`"
        if need.format:
            return f"{self.name} is a person and cannot be held to a {need.format}; leave `format` out"
        if need.fused:
            return f"{self.name} is a person and cannot decode with others; leave {self.name} out"
        return None
