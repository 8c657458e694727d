"""How a notebook shows an outcome: who said what, the answer, and what it took."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

from agentnet.contracts.bodies import (
    Assignment,
    Critique,
    Error,
    Plan,
    Refusal,
    Result,
    Task,
    Verdict,
    Vote,
    answer_of,
)
from agentnet.contracts.messages import Message

if TYPE_CHECKING:
    from agentnet.coordinator.outcome import Outcome

HEAD = "".join(f'<th style="text-align: left">{name}</th>' for name in ("who", "what", "says"))


def as_html(outcome: Outcome) -> str:
    """A table of the messages in the order in which they were recorded. What models wrote is escaped."""
    said = {message.id: message for message in outcome.messages}
    rows = "".join(_row(message, said) for message in outcome.messages)
    end = f"<b>{escape(outcome.answer)}</b>" if outcome.answer is not None else escape(outcome.detail)
    used = outcome.usage
    calls = "1 call" if used.calls == 1 else f"{used.calls} calls"
    return f"<table><tr>{HEAD}</tr>{rows}</table><p>{outcome.status}: {end} ({calls}, {used.tokens} tokens)</p>"


def _row(message: Message, said: Mapping[str, Message]) -> str:
    kind = message.body.kind + (f" {message.round + 1}" if message.round else "")
    text = escape(words(message, said)).replace("\n", "<br>")
    cells = (escape(message.sender), escape(kind), text)
    return "<tr>" + "".join(f'<td style="text-align: left">{cell}</td>' for cell in cells) + "</tr>"


def words(message: Message, said: Mapping[str, Message]) -> str:
    """What a message says, in a few words. `said` holds the messages that it may refer to, by id."""
    body = message.body
    match body:
        case Task() | Critique():
            return body.text
        case Plan():
            return "\n".join(f"{step.id}. {step.label}: {step.ask}" for step in body.steps)
        case Assignment():
            return f"→ {body.agent}: {body.text}"
        case Verdict():
            return body.verdict + (f", found {body.answer}" if body.answer else "")
        case Vote():
            chosen = said.get(body.choice)
            return f"→ {(answer_of(chosen.body) if chosen else None) or body.choice}"
        case Result():
            count = ", ".join(f"{answer} × {weight:.3g}" for answer, weight in body.support.items())
            return f"{body.answer} ({body.decision}{': ' + count if count else ''})"
        case Refusal():
            return body.reason
        case Error():
            return body.detail
        case _:
            return getattr(body, "text", "") or answer_of(body) or ""
