"""BIG-Bench Hard: one JSON file for each task, with `examples` of `input` and `target` (arXiv 2210.09261)."""

from __future__ import annotations

import re
from pathlib import Path

from agentnet.errors import BadInput
from agentnet.evals.datasets.prompts import Choice
from agentnet.evals.datasets.rows import Row, Rows
from agentnet.evals.datasets.table import inferred, numeric, right_choice
from agentnet.evals.suite import AnswerType, DatasetSpec
from agentnet.files.tables import Record, records

_CHOICE = re.compile(r"^\(([A-Z])\)[ \t]*(.+)$", re.MULTILINE)


def bbh(path: Path, spec: DatasetSpec) -> Rows:
    """Return the rows of a task. Its targets decide the type of its answers; several words count in their order."""
    found = records(path)
    targets = [record.text("target") for record in found]
    kind = inferred([(target,) for target in targets])
    ordered = kind == "exact" and all(re.fullmatch(r"\S+(?: \S+)+", target) for target in targets)
    rows = tuple(_row(record, spec.answer or kind) for record in found)
    return Rows(rows, kind, "words" if ordered else None)


def _row(record: Record, kind: AnswerType) -> Row:
    question, target = record.text("input"), record.text("target")
    answers: tuple[str, ...] = (target,)
    if kind == "choice":
        choices = [Choice(*found.groups()) for found in _CHOICE.finditer(question)]
        if not choices:
            raise BadInput(f"{record.place}: the input lists no choices such as '(A) …'")
        answers = right_choice(record.place, target, choices)
    elif kind == "numeric":
        answers = (numeric(record.place, target),)
    return Row(record.place, question, answers)
