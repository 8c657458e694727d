"""A run as HTML: what notebooks show of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from agentnet.contracts.events import RunStatus
from agentnet.contracts.messages import Message
from agentnet.contracts.usage import Usage
from agentnet.rendering.colours import colour_of
from agentnet.rendering.describe import Mark, Part, describe

COLOURS: Mapping[Mark, str] = {"detail": "#6b7280", "good": "#178740", "bad": "#dc2626", "warning": "#a66a08"}
TAGS: Mapping[Mark, str] = {"answer": "b", "contested": "u"}
LEFT = "text-align: left"


def as_html(
    messages: Iterable[Message],
    status: RunStatus,
    answer: str | None,
    detail: str,
    usage: Usage,
    members: Sequence[str] = (),
) -> str:
    """Return a table of the messages in their order, then how the run ended and what it took.

    `members` are the names of the network's agents, which decide their colours. All text is escaped.
    """
    said = {message.id: message for message in messages}
    head = "".join(f'<th style="{LEFT}">{name}</th>' for name in ("speaker", "kind", "message"))
    rows = "".join(_row(message, said, members) for message in said.values())
    end = escape(detail) if answer is None else f"<b>{escape(answer)}</b>" + (f", {escape(detail)}" if detail else "")
    calls = "1 call" if usage.calls == 1 else f"{usage.calls} calls"
    return f"<table><tr>{head}</tr>{rows}</table><p>{status}: {end} ({calls}, {usage.tokens} tokens)</p>"


def _row(message: Message, said: Mapping[str, Message], members: Sequence[str]) -> str:
    described = describe(message, said, verbose=True)
    cells = (
        _part(Part(described.speaker, agent=described.speaker), members),
        escape(described.kind),
        "".join(_part(part, members) for part in described.parts),
    )
    return "<tr>" + "".join(f'<td style="{LEFT}">{cell}</td>' for cell in cells) + "</tr>"


def _part(part: Part, members: Sequence[str]) -> str:
    text = escape(part.text).replace("\n", "<br>")
    if tag := TAGS.get(part.mark):
        text = f"<{tag}>{text}</{tag}>"
    agent = colour_of(part.agent, members) if part.agent else None
    colour = agent.hex if agent else COLOURS.get(part.mark)
    return f'<span style="color: {colour}">{text}</span>' if colour else text
