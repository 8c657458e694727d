"""Tables of a file: long fields, compressed files, and what a reader leaves behind in the process."""

from __future__ import annotations

import csv
import gzip
import re
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


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("sums.jsonl", '{"question": "1 + 1?", "answer": "2"}\n'),
        ("sums.json", '[{"question": "1 + 1?", "answer": "2"}]'),
        ("sums.csv", "\ufeffquestion,answer\r\n1 + 1?,2\r\n"),
        ("sums.tsv", "question\tanswer\n1 + 1?\t2\n"),
    ],
)
def test_a_compressed_file_is_read_like_a_plain_one(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8", newline="")
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content.encode()))
    plain, compressed = records(tmp_path / name), records(tmp_path / f"{name}.gz")
    assert [record.fields for record in plain] == [{"question": "1 + 1?", "answer": "2"}]
    assert [record.fields for record in compressed] == [record.fields for record in plain]
    assert f"{name}.gz" in compressed[0].place


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"question,answer\n1 + 1?,2\n", "not a whole gzip file"),
        (gzip.compress(b"question,answer\n1 + 1?,2\n" * 99, mtime=0)[:-9], "not a whole gzip file"),
        (gzip.compress(b"question,answer\n1 + 1?,\xe9\n", mtime=0), "not UTF-8 (byte 23)"),
        (b"", "there is no item in it"),
    ],
)
def test_a_compressed_file_that_cannot_be_used_is_one_clear_line(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "sums.csv.gz"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=re.escape(f"sums.csv.gz: {says}")):
        records(path)


def test_compression_alone_says_nothing_of_what_a_file_is(tmp_path: Path) -> None:
    (tmp_path / "sums.gz").write_bytes(gzip.compress(b"question,answer\n"))
    with pytest.raises(BadInput, match=r"sums\.gz: unknown format; use \.jsonl.*with or without \.gz"):
        records(tmp_path / "sums.gz")
