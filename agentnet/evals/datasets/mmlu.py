"""MMLU: CSV without a header (question, choices, letter), or JSONL with `choices` and an index (arXiv 2009.03300)."""

from __future__ import annotations

from pathlib import Path

from agentnet.errors import BadInput
from agentnet.evals.datasets.rows import Row, Rows
from agentnet.evals.datasets.table import MMLU, lettered, right_choice, table
from agentnet.evals.suite import DatasetSpec
from agentnet.files.tables import cells, kind_of


def mmlu(path: Path, spec: DatasetSpec) -> Rows:
    """Return the rows of one subject."""
    if kind_of(path) != "CSV":
        return table(path, spec, MMLU, "choice")
    found = tuple(_row(place, row) for place, row in cells(path) if not _is_header(row))
    if not found:
        raise BadInput(f"{path}: there is no item in it")
    return Rows(found, "choice")


def _is_header(row: list[str]) -> bool:
    return (row[0].strip().lower(), row[-1].strip().lower()) == ("question", "answer")


def _row(place: str, row: list[str]) -> Row:
    if len(row) < 4:
        raise BadInput(f"{place}: {len(row)} columns; there should be the question, the choices and the letter")
    question, *choices, answer = (cell.strip() for cell in row)
    if not question:
        raise BadInput(f"{place}: the question is empty")
    some = lettered(place, choices)
    return Row(place, question, right_choice(place, answer, some), some)
