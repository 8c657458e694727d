"""What every loader makes of its file: rows, which become items."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from agentnet.contracts.evaluations import Item
from agentnet.errors import BadInput
from agentnet.evals.datasets.prompts import Choice, Prompt
from agentnet.evals.suite import AnswerType


@dataclass(frozen=True, slots=True)
class Row:
    """One question as the file has it."""

    place: str
    """File and line, for whoever has to find it."""
    question: str
    answers: tuple[str, ...]
    choices: tuple[Choice, ...] = ()
    """To be written under the question. Empty where they stand in it already."""
    context: str = ""
    id: str | None = None
    label: str | None = None
    cluster: str | None = None
    """What it shares with others, in any form: items are told of a digest."""

    @property
    def digest(self) -> str:
        """Names the row by its content, wherever it stands and however it is asked."""
        return digest(self.context, self.question, *map(str, self.choices), "", *self.answers)


@dataclass(frozen=True, slots=True)
class Rows:
    """A whole file, with the type of answers that it holds."""

    rows: tuple[Row, ...]
    answer: AnswerType
    scorer: str | None = None
    """Where the answer type's own would not do."""


def items(rows: tuple[Row, ...], dataset: str, label: str | None, prompt: Prompt) -> tuple[tuple[Item, ...], int]:
    """Rows as items, and how many repeated the content of an earlier one and were left out.

    Two different rows with one id are `BadInput`.
    """
    found: dict[str, Item] = {}
    places: dict[str, str] = {}
    contents: set[str] = set()
    for row in rows:
        content = row.digest
        if content in contents:
            continue
        name = row.id or content
        if name in found:
            raise BadInput(f"{row.place}: the id {name!r} belongs to another item already, at {places[name]}")
        contents.add(content)
        places[name] = row.place
        found[name] = Item(
            dataset=dataset,
            id=name,
            text=prompt.render(row.place, row.question, row.context, row.choices),
            answers=row.answers,
            label=label or row.label or dataset,
            cluster=name if row.cluster is None else digest(row.cluster),
        )
    return tuple(found.values()), len(rows) - len(found)


def digest(*parts: str) -> str:
    """A short stable name for a content."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
