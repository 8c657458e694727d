"""Rows, which every loader makes of its file, and the items that they become."""

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
    """One question as its file has it."""

    place: str
    """File and line, for errors."""
    question: str
    answers: tuple[str, ...]
    choices: tuple[Choice, ...] = ()
    """Written under the question. Empty where the question has them already."""
    context: str = ""
    id: str | None = None
    label: str | None = None
    cluster: str | None = None
    """What it shares with other rows, such as a passage, in any form: items get a digest of it."""

    @property
    def digest(self) -> str:
        """A name for the row's content; it does not depend on the row's place or on the prompt."""
        return digest(self.context, self.question, *map(str, self.choices), "", *self.answers)


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a file, and the type of its answers."""

    rows: tuple[Row, ...]
    answer: AnswerType
    scorer: str | None = None
    """A scorer in place of that of the answer type."""


def items(rows: tuple[Row, ...], dataset: str, label: str | None, prompt: Prompt) -> tuple[tuple[Item, ...], int]:
    """Return rows as items, and the number of rows that repeat an earlier one and are left out.

    Raises `BadInput` for two different rows with one id.
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
    """Return a short stable name for a content."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
