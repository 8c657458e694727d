"""A GGUF file as values that can be changed and written again, well-formed or not."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

STRING, ARRAY, UINT32 = 8, 9, 4
FORMS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}


@dataclass
class Entry:
    """A metadata entry. Texts are bytes; an array's `value` is the list of its values, and `of` their type."""

    key: bytes
    kind: int
    value: Any
    of: int | None = None
    length: int | None = None
    """What the file claims as the length of the array, if not the truth."""


@dataclass
class TensorInfo:
    name: bytes
    shape: list[int]
    kind: int
    offset: int


@dataclass
class Document:
    """A whole file; `data` is what follows the header."""

    entries: list[Entry] = field(default_factory=list)
    tensors: list[TensorInfo] = field(default_factory=list)
    data: bytes = b""
    version: int = 3
    alignment: int = 32
    counts: tuple[int, int] | None = None
    """Claimed numbers of tensors and entries, if not the truth."""

    def entry(self, key: str) -> Entry | None:
        return next((entry for entry in self.entries if entry.key == key.encode()), None)

    def written(self) -> bytes:
        """Return the file's bytes."""
        tensors, entries = self.counts or (len(self.tensors), len(self.entries))
        head = b"GGUF" + struct.pack("<IQQ", self.version, tensors, entries)
        head += b"".join(_text(entry.key) + struct.pack("<I", entry.kind) + _value(entry) for entry in self.entries)
        for tensor in self.tensors:
            shape = struct.pack(f"<I{len(tensor.shape)}Q", len(tensor.shape), *tensor.shape)
            head += _text(tensor.name) + shape + struct.pack("<IQ", tensor.kind, tensor.offset)
        return head + bytes(-len(head) % self.alignment) + self.data


def read(path: Path) -> Document:
    """Return a well-formed file as a document."""
    return _Walk(path.read_bytes()).document()


def _text(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text


def _value(entry: Entry) -> bytes:
    if entry.kind == ARRAY:
        assert entry.of is not None
        length = len(entry.value) if entry.length is None else entry.length
        if entry.of == STRING:
            values = b"".join(map(_text, entry.value))
        else:
            values = struct.pack(f"<{len(entry.value)}{FORMS[entry.of]}", *entry.value)
        return struct.pack("<IQ", entry.of, length) + values
    if isinstance(entry.value, bytes):
        return _text(entry.value) if entry.kind == STRING else entry.value
    return struct.pack(f"<{FORMS[entry.kind]}", entry.value)


class _Walk:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 4

    def document(self) -> Document:
        version, tensors, entries = self._numbers("IQQ")
        found = Document(version=version)
        for _ in range(entries):
            key, kind = self._text(), self._number("I")
            if kind == ARRAY:
                of, length = self._numbers("IQ")
                values = [self._text() for _ in range(length)] if of == STRING else self._many(FORMS[of], length)
                found.entries.append(Entry(key, kind, values, of))
            else:
                value = self._text() if kind == STRING else self._number(FORMS[kind])
                found.entries.append(Entry(key, kind, value))
        for _ in range(tensors):
            name, dimensions = self._text(), self._number("I")
            shape = self._many("Q", dimensions)
            kind, offset = self._numbers("IQ")
            found.tensors.append(TensorInfo(name, shape, kind, offset))
        found.data = self._data[self._at + -self._at % found.alignment :]
        return found

    def _text(self) -> bytes:
        length = self._number("Q")
        self._at += length
        return self._data[self._at - length : self._at]

    def _number(self, form: str) -> Any:
        return self._numbers(form)[0]

    def _numbers(self, form: str) -> tuple[Any, ...]:
        size = struct.calcsize(f"<{form}")
        self._at += size
        return struct.unpack(f"<{form}", self._data[self._at - size : self._at])

    def _many(self, form: str, length: int) -> list[Any]:
        return list(self._numbers(f"{length}{form}")) if length else []
