"""Walking through one GGUF file. Every length is checked against what the file can hold before it is used."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

from agentnet.errors import ModelFileError

MAGIC = b"GGUF"
VERSIONS = (2, 3)
SWAPPED = tuple(version << 24 for version in VERSIONS)
MOST_ENTRIES = 100_000
MOST_TEXT = 1 << 24
MOST_TEXTS = 1 << 22
"""Bytes of a text and texts of an array: more is taken for garbage rather than read."""
MOST_VALUES = 4096
"""Numbers of an array that are kept: there may be one for each layer, but those of a vocabulary are of no use here."""
MOST_DIMENSIONS = 4
TOKENS = "tokenizer.ggml.tokens"
"""The one array whose texts are kept."""
ALIGNMENT = "general.alignment"
LEAST_ALIGNMENT = 32
"""llama.cpp ends the process where the data of a mapped tensor is aligned to less."""
UINT32 = 4

_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9

_BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 36),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292),
    16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82),
    23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2),
    34: (256, 54), 35: (256, 66), 39: (32, 17), 40: (64, 36), 41: (128, 18),
}  # fmt: skip
"""Tensor type → (elements in a block, bytes of a block). Types that are not listed are not counted."""


@dataclass(frozen=True, slots=True)
class Array:
    """A metadata array. `values` are the numbers of a short one, and `texts` those of a list of tokens."""

    length: int
    values: tuple[Any, ...] = ()
    texts: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor of weights and the bytes of its data."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Part:
    """What one file holds. Sizes are in bytes."""

    version: int
    metadata: dict[str, Any]
    tensors: tuple[Tensor, ...]
    parameters: int
    file_size: int
    expected_size: int


class Reader:
    """Walks through one open file."""

    def __init__(self, path: Path, file: BufferedReader) -> None:
        self._path, self._file = path, file
        self.entries: dict[str, tuple[int, int]] = {}
        """Where each metadata entry stands in the file: its start and its end."""
        self._size = file.seek(0, 2)
        self._at = file.seek(0)

    def part(self) -> Part:
        if self._file.read(4) != MAGIC:
            raise ModelFileError(f"{self._path}: is not a GGUF file; convert the model, or check what was downloaded")
        self._at = 4
        version = self._scalar("<I")
        if version in SWAPPED:
            raise self._garbage("its version is written in the other byte order")
        if version not in VERSIONS:
            raise self._garbage(f"its GGUF version is {version}, readable are {', '.join(map(str, VERSIONS))}")
        count, entries = self._count("tensors"), self._count("metadata entries")
        metadata, alignment = self._metadata(entries)
        tensors, parameters, end = self._tensors(count)
        expected = -(-self._at // alignment) * alignment + end if tensors else self._at
        if expected > self._size:
            raise ModelFileError(
                f"{self._path}: is truncated, {self._size} bytes of at least {expected}; fetch the file again"
            )
        return Part(version, metadata, tensors, parameters, self._size, expected)

    def _metadata(self, entries: int) -> tuple[dict[str, Any], int]:
        metadata: dict[str, Any] = {}
        alignment = LEAST_ALIGNMENT
        for _ in range(entries):
            start = self._at
            key = self._name("the name of a metadata entry")
            if key in metadata:
                raise self._garbage(f"it has {shown(key)} twice")
            kind = self._scalar("<I")
            metadata[key] = value = self._value(kind, key)
            self.entries[key] = (start, self._at)
            if key == ALIGNMENT:
                if kind != UINT32 or value < LEAST_ALIGNMENT or value & (value - 1):
                    raise self._garbage(f"its alignment is {shown(value)}")
                alignment = value
        return metadata, alignment

    def _tensors(self, count: int) -> tuple[tuple[Tensor, ...], int, int]:
        """All tensors, the number of their elements, and where the last one ends (from the start of the data)."""
        tensors: dict[str, Tensor] = {}
        parameters = end = 0
        for _ in range(count):
            name = self._name("the name of a tensor")
            if name in tensors:
                raise self._garbage(f"it has the tensor {shown(name)} twice")
            dimensions = self._scalar("<I")
            if not 0 < dimensions <= MOST_DIMENSIONS:
                raise self._garbage(f"its tensor {shown(name)} has {dimensions} dimensions")
            shape = [self._scalar("<Q") for _ in range(dimensions)]
            kind, offset = self._scalar("<I"), self._scalar("<Q")
            per_block, block = _BLOCKS.get(kind, (1, 0))
            elements = math.prod(shape)
            if not elements or elements >= 2**63 or shape[0] % per_block:
                raise self._garbage(f"its tensor {shown(name)} has the shape {' × '.join(map(str, shape))}")
            size = elements // per_block * block
            tensors[name] = Tensor(name, size)
            parameters += elements
            end = max(end, offset + size)
        return tuple(tensors.values()), parameters, end

    def _value(self, kind: int, key: str) -> Any:
        if kind == _STRING:
            return self._text()
        if kind == _ARRAY:
            return self._array(key)
        if kind not in _SCALARS:
            raise self._garbage(f"a metadata value of unknown type {kind}")
        return self._scalar(_SCALARS[kind])

    def _array(self, key: str) -> Array:
        kind, length = self._scalar("<I"), self._scalar("<Q")
        if kind == _STRING:
            if length > MOST_TEXTS:
                raise self._garbage(f"an array of {length} texts")
            texts = [self._bytes() for _ in range(length)]
            return Array(length, texts=tuple(texts) if key == TOKENS else ())
        elif kind in _SCALARS and length <= MOST_VALUES:
            return Array(length, tuple(self._scalar(_SCALARS[kind]) for _ in range(length)))
        elif kind in _SCALARS:
            self._skip(length * struct.calcsize(_SCALARS[kind]))
        else:
            raise self._garbage(f"an array of unknown type {kind}")
        return Array(length)

    def _name(self, what: str) -> str:
        try:
            return self._bytes().decode()
        except UnicodeDecodeError:
            raise self._garbage(f"{what} is not UTF-8") from None

    def _text(self) -> str:
        return self._bytes().decode("utf-8", errors="replace")

    def _bytes(self) -> bytes:
        length = self._scalar("<Q")
        if length > MOST_TEXT:
            raise self._garbage(f"a text of {length} bytes")
        return self._read(length)

    def _count(self, what: str) -> int:
        count = self._scalar("<Q")
        if count > MOST_ENTRIES:
            raise self._garbage(f"{count} {what}")
        return int(count)

    def _scalar(self, form: str) -> Any:
        return struct.unpack(form, self._read(struct.calcsize(form)))[0]

    def _read(self, length: int) -> bytes:
        self._advance(length)
        return self._file.read(length)

    def _skip(self, length: int) -> None:
        self._advance(length)
        self._file.seek(length, 1)

    def _advance(self, length: int) -> None:
        self._at += length
        if self._at > self._size:
            raise ModelFileError(f"{self._path}: is truncated within its header; fetch the file again")

    def _garbage(self, what: str) -> ModelFileError:
        return garbage(self._path, what)


def garbage(path: Path, what: str) -> ModelFileError:
    """Return the error for a file that is damaged: `what` says in which way."""
    return ModelFileError(f"{path}: is not a usable GGUF file ({what}); fetch or convert it again")


def shown(value: object) -> str:
    """Return a value from a file, in brief and on one line."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"
