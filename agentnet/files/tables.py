"""Reading JSONL, JSON and CSV, plain or compressed with gzip. Every error names its file and line."""

from __future__ import annotations

import csv
import gzip
import io
import json
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentnet.errors import BadInput

SUFFIXES = {".jsonl": "JSONL", ".ndjson": "JSONL", ".json": "JSON", ".csv": "CSV", ".tsv": "CSV"}
COMPRESSED = ".gz"
"""Optional second suffix of all the others."""


@dataclass(frozen=True, slots=True)
class Record:
    """One line of a table or one object of a JSON file."""

    place: str
    """The file and line (or item) of the record, for error messages."""
    fields: dict[str, Any]

    def text(self, field: str) -> str:
        """Return a field as text. Raises `BadInput` if it is missing, empty or not text."""
        value = self.value(field)
        if isinstance(value, list | dict):
            raise BadInput(f"{self.place}: {field!r} should be text, it is {_kind(value)}")
        if not (text := written(value)):
            raise BadInput(f"{self.place}: {field!r} is empty")
        return text

    def value(self, field: str) -> Any:
        """Return the value of a field. Raises `BadInput` if it is missing or null."""
        if self.fields.get(field) is None:
            known = ", ".join(self.fields) or "none"
            raise BadInput(
                f"{self.place}: no field {field!r} (there are: {known}); `fields` in the suite can rename it"
            )
        return self.fields[field]


def records(path: Path) -> tuple[Record, ...]:
    """Return the records of a file; its suffix gives the format. Raises `BadInput`, also for an empty file."""
    kind = kind_of(path)
    if kind == "CSV":
        rows = tuple(_with_header(path))
    elif kind == "JSONL":
        rows = tuple(_json_lines(path))
    else:
        rows = tuple(_json(path))
    if not rows:
        raise BadInput(f"{path}: there is no item in it")
    return rows


def kind_of(path: Path) -> str:
    """Return JSONL, JSON or CSV, by the suffix of the file's name. Raises `BadInput` for another suffix."""
    kind = SUFFIXES.get(uncompressed(path).suffix.lower())
    if kind is None:
        raise BadInput(f"{path}: unknown format; use {', '.join(SUFFIXES)}, with or without {COMPRESSED} after it")
    return kind


def uncompressed(path: Path) -> Path:
    """Return a path without the suffix of compression: ``a.csv`` for ``a.csv.gz``."""
    return path.with_suffix("") if path.suffix.lower() == COMPRESSED else path


def read(path: Path) -> str:
    """Return a file's text, decompressed, without a byte order mark."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file; paths are relative to the folder of the file that names them") from None
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error
    if uncompressed(path) != path:
        try:
            content = gzip.decompress(content)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise BadInput(f"{path}: not a whole gzip file ({error}); compress it again") from error
    try:
        # Like a text file: every kind of line end becomes "\n".
        return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig").read()
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: not UTF-8 (byte {error.start}); convert it") from error


def cells(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield ``file:line`` and the cells of each non-empty line of a CSV file. The delimiter of .tsv is a tab."""
    delimiter = "\t" if uncompressed(path).suffix.lower() == ".tsv" else ","
    reader = csv.reader(io.StringIO(read(path), newline=""), delimiter=delimiter, strict=True)
    lines: list[tuple[str, list[str]]] = []
    line, problem = 1, None
    with _fields_of_any_length():
        try:
            for row in reader:
                if any(cell.strip() for cell in row):
                    lines.append((f"{path}:{line}", row))
                line = reader.line_num + 1
        except csv.Error as error:
            problem = error
    yield from lines
    if problem is not None:
        raise BadInput(f"{path}:{line}: not CSV: {problem}") from problem


@contextmanager
def _fields_of_any_length() -> Iterator[None]:
    """Lift the CSV reader's limit of 128 KiB per field, which is global to the process: a passage can be longer."""
    with _limit:
        before = csv.field_size_limit(2**31 - 1)
        try:
            yield
        finally:
            csv.field_size_limit(before)


_limit = threading.Lock()


def written(value: Any) -> str:
    """Return a JSON value as people write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value).strip()


def _with_header(path: Path) -> Iterator[Record]:
    lines = cells(path)
    place, header = next(lines, (str(path), []))
    names = [name.strip() for name in header]
    if len(set(names)) != len(names):
        raise BadInput(f"{place}: two columns have the same name")
    if len(names) == 1 and (delimiter := next((sign for sign in ";\t" if sign in names[0]), None)):
        separators = "semicolons" if delimiter == ";" else "tabs"
        raise BadInput(f"{place}: {separators} separate its columns; save it with commas, or as .tsv with tabs")
    for place, row in lines:
        if len(row) != len(names):
            raise BadInput(f"{place}: {len(row)} columns where the header has {len(names)}; are its commas quoted?")
        yield Record(place, dict(zip(names, row, strict=True)))


def _json_lines(path: Path) -> Iterator[Record]:
    for number, line in enumerate(read(path).split("\n"), start=1):
        if not line.strip():
            continue
        place = f"{path}:{number}"
        yield _record(place, _parsed(place, line))


def _json(path: Path) -> Iterator[Record]:
    """A list of objects, or an object with one such list in it (BIG-Bench Hard: `examples`)."""
    content = _parsed(str(path), read(path))
    if isinstance(content, dict):
        lists = [value for value in content.values() if isinstance(value, list)]
        if len(lists) != 1:
            raise BadInput(
                f"{path}: an object with {len(lists)} lists in it; which one holds the items? Keep only that"
            )
        content = lists[0]
    if not isinstance(content, list):
        raise BadInput(f"{path}: should be a list of objects, it is {_kind(content)}")
    for number, value in enumerate(content, start=1):
        yield _record(f"{path}: item {number}", value)


def _parsed(place: str, text: str) -> Any:
    try:
        value = json.loads(text)
        if "\\ud" in text.lower():
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and "\n" in text.strip():
            raise BadInput(f"{place}:{error.lineno}: more than one JSON value; is it JSONL? Name it .jsonl") from error
        line = f":{error.lineno}" if "\n" in text else ""
        raise BadInput(f"{place}{line}: not JSON: {error.msg} (column {error.colno})") from error
    except UnicodeEncodeError as error:
        raise BadInput(f"{place}: not usable JSON: an escape such as \\ud83d that lacks its other half") from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{place}: not usable JSON: {error}") from error


def _record(place: str, value: Any) -> Record:
    if not isinstance(value, dict):
        raise BadInput(f"{place}: should be an object with fields, it is {_kind(value)}")
    return Record(place, value)


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), "null")
