"""GSM8K: JSONL with `question` and a worked `answer`, whose last line is ``#### 18`` (arXiv 2110.14168)."""

from __future__ import annotations

from pathlib import Path

from agentnet.errors import BadInput
from agentnet.evals.datasets.rows import Row, Rows
from agentnet.evals.datasets.table import numeric
from agentnet.evals.suite import DatasetSpec
from agentnet.files.tables import Record, records

MARKER = "####"


def gsm8k(path: Path, spec: DatasetSpec) -> Rows:
    """Return the rows of a file of GSM8K."""
    return Rows(tuple(_row(record) for record in records(path)), "numeric")


def _row(record: Record) -> Row:
    _, found, final = record.text("answer").rpartition(MARKER)
    if not found:
        raise BadInput(f"{record.place}: no {MARKER} in 'answer'; should this be read with `from: table`?")
    return Row(record.place, record.text("question"), (numeric(record.place, final.strip()),))
