"""JSONL, JSON and CSV files whose fields the suite names. BoolQ, C-Eval and MMLU's JSONL are such tables too."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from agentnet.answers.extractors import last_number, yes_no
from agentnet.answers.numbers import value
from agentnet.errors import BadInput
from agentnet.evals.datasets.prompts import Choice
from agentnet.evals.datasets.rows import Row, Rows
from agentnet.evals.suite import AnswerType, DatasetSpec, Fields
from agentnet.files.tables import Record, records, written

BOOLQ = Fields(question="question", answer="answer", context="passage", cluster="passage")
CEVAL = Fields(id="id", choices=("A", "B", "C", "D"))
MMLU = Fields(choices="choices")


def table(path: Path, spec: DatasetSpec, fields: Fields | None = None, answer: AnswerType | None = None) -> Rows:
    """Return the rows of a table.

    The type of its answers is what the suite says, else what the loader says, else what the answers look like.
    """
    fields = fields or spec.fields
    found = records(path)
    kind = spec.answer or answer or ("choice" if fields.choices else inferred([_golds(one, fields) for one in found]))
    return Rows(tuple(_row(record, fields, kind) for record in found), kind)


def inferred(answers: Sequence[tuple[str, ...]]) -> AnswerType:
    """Return the type of the right answers of a file: choices ``(A)``, yes and no, numbers, or else exact text."""
    every = [answer for some in answers for answer in some]
    if all(re.fullmatch(r"\([A-Z]\)", answer) for answer in every):
        return "choice"
    if all(answer.casefold() in ("yes", "no") for answer in every):
        return "yes-no"
    if all(value(answer) is not None for answer in every):
        return "numeric"
    return "exact"


def right_choice(place: str, answer: Any, choices: Sequence[Choice]) -> tuple[str, ...]:
    """Return the letter and the text of the right choice. `answer` is its letter, its text, or its index from 0."""
    said = written(answer)
    letter = said.strip("(). ").upper()
    by_letter = [choice for choice in choices if choice.letter.upper() == letter]
    by_text = [choice for choice in choices if choice.text == said]
    by_place = [choices[int(said)]] if re.fullmatch("[0-9]{1,2}", said) and int(said) < len(choices) else []
    found = by_place if isinstance(answer, int) and by_place else by_letter or by_text or by_place
    if not found:
        raise BadInput(f"{place}: the answer {said!r} is none of the choices ({', '.join(c.letter for c in choices)})")
    right = found[0]
    letters = {choice.letter for choice in choices}
    return (right.letter,) if right.text.upper() in letters else (right.letter, right.text)


def lettered(place: str, texts: Sequence[Any]) -> tuple[Choice, ...]:
    """Return choices that are named A, B, C … in their order."""
    if not 2 <= len(texts) <= len(ascii_uppercase):
        raise BadInput(f"{place}: {len(texts)} choices; there should be 2 to {len(ascii_uppercase)}")
    return tuple(Choice(letter, written(text)) for letter, text in zip(ascii_uppercase, texts, strict=False))


def numeric(place: str, answer: str) -> str:
    """Return a right answer that must be a number in canonical form. Raises `BadInput`."""
    found = last_number(answer)
    if value(found) is None:
        raise BadInput(f"{place}: the answer {answer!r} is not a number; set `answer` to another type")
    return found


def _row(record: Record, fields: Fields, kind: AnswerType) -> Row:
    place = record.place
    choices = _choices(record, fields.choices) if fields.choices else ()
    answers: tuple[str, ...]
    if kind == "choice" and choices:
        given = record.value(fields.answer)
        several = given if isinstance(given, list) and given else [given]
        answers = tuple(dict.fromkeys(form for one in several for form in right_choice(place, one, choices)))
    else:
        answers = _golds(record, fields)
    if kind == "numeric":
        answers = tuple(numeric(place, answer) for answer in answers)
    elif kind == "yes-no" and (odd := [answer for answer in answers if yes_no(answer) not in ("yes", "no")]):
        raise BadInput(f"{place}: the answer {odd[0]!r} is neither yes nor no; set `answer` to another type")
    elif kind == "choice" and not choices:
        answers = tuple(answer.strip("()") for answer in answers)
    return Row(
        place,
        record.text(fields.question),
        answers,
        choices,
        record.text(fields.context) if fields.context else "",
        record.text(fields.id) if fields.id else None,
        record.text(fields.label) if fields.label else None,
        record.text(fields.cluster) if fields.cluster else None,
    )


def _golds(record: Record, fields: Fields) -> tuple[str, ...]:
    """The right answers: one value, or a list of them."""
    found = record.value(fields.answer)
    if not isinstance(found, list):
        return (record.text(fields.answer),)
    answers = tuple(text for one in found if (text := written(one)))
    if not answers or any(isinstance(one, list | dict) for one in found):
        raise BadInput(f"{record.place}: {fields.answer!r} should be a list of texts, with at least one in it")
    return answers


def _choices(record: Record, fields: str | tuple[str, ...]) -> tuple[Choice, ...]:
    if not isinstance(fields, str):
        return lettered(record.place, [record.text(field) for field in fields])
    found = record.value(fields)
    if isinstance(found, str):  # a cell of a CSV file
        try:
            found = json.loads(found)
        except ValueError:
            found = None
    if isinstance(found, dict):
        texts, labels = found.get("text"), found.get("label")
        if isinstance(texts, list) and isinstance(labels, list) and len(texts) == len(labels):  # as ARC has them
            found = dict(zip(map(written, labels), texts, strict=True))
    if isinstance(found, dict) and all(isinstance(text, str) for text in found.values()):
        if all(len(label) == 1 and label.isalpha() for label in found):
            return tuple(Choice(label.upper(), written(text)) for label, text in found.items())
        raise BadInput(f"{record.place}: the choices in {fields!r} should be named by single letters")
    if not isinstance(found, list):
        raise BadInput(f"{record.place}: {fields!r} should be a list of choices")
    return lettered(record.place, found)
