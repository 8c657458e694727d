"""Tables of a file: long fields, and what a reader leaves behind in the process."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentnet.errors import BadInput
from agentnet.files.tables import cells, records


@pytest.fixture(autouse=True)
def limit() -> Iterator[int]:
    before = csv.field_size_limit(1000)
    yield 1000
    csv.field_size_limit(before)


def test_a_field_may_be_of_any_length_and_the_process_keeps_its_limit(tmp_path: Path, limit: int) -> None:
    path = tmp_path / "long.csv"
    passage = "word " * 50_000
    path.write_text(f"id,text\n1,{passage}\n")
    (record,) = records(path)
    assert record.fields == {"id": "1", "text": passage}
    assert csv.field_size_limit() == limit


def test_what_is_no_csv_is_said_behind_the_lines_before_it(tmp_path: Path, limit: int) -> None:
    path = tmp_path / "broken.csv"
    path.write_text('a,b\n\n1,2\n"3"x,4\n')
    lines = cells(path)
    assert [next(lines), next(lines)] == [(f"{path}:1", ["a", "b"]), (f"{path}:3", ["1", "2"])]
    with pytest.raises(BadInput, match=r"broken\.csv:4: not CSV"):
        next(lines)
    assert csv.field_size_limit() == limit
