"""Reading a GGUF file's header without llama.cpp, so that a broken file is refused before native code sees it.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3, little endian).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from agentnet.errors import ModelFileError

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MOST_ENTRIES = 1_000_000
MOST_BYTES = 1 << 24
"""Of one text: more is taken for garbage rather than read into memory."""
MOST_VALUES = 1 << 26
"""In one array, which is skipped rather than read."""

_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9

_BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 36),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292),
    16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82),
    23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2),
    34: (256, 54), 35: (256, 66), 39: (32, 17),
}  # fmt: skip
"""Tensor type → (elements in a block, bytes of a block). Types that are not listed are not counted."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a GGUF file says of itself. Sizes are in bytes; `parameters` counts the elements of all tensors."""

    version: int
    architecture: str
    name: str
    context: int | None
    parameters: int
    vocabulary: int
    chat_template: str | None
    file_size: int
    expected_size: int


def read_header(path: Path) -> Header:
    """The header of a GGUF file.

    Raises `ModelFileError` for a file that is missing, unreadable, not a GGUF, truncated, or without weights.
    """
    try:
        if path.exists() and not path.is_file():
            raise ModelFileError(f"{path}: is not a file; name the GGUF file itself")
        with path.open("rb") as file:
            return _Reader(path, file).header()
    except (FileNotFoundError, ValueError):  # ValueError: a NUL in the path
        raise ModelFileError(f"{path}: no such file; check the model's path") from None
    except OSError as error:
        raise ModelFileError(
            f"{path}: cannot be read ({error.strerror}); check the file and its permissions"
        ) from error


class _Reader:
    """Walks through one file. Every length is checked against what the file can hold before it is used."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path, self._file = path, file
        self._size = file.seek(0, 2)
        file.seek(0)

    def header(self) -> Header:
        if self._file.read(4) != MAGIC:
            raise ModelFileError(f"{self._path}: is not a GGUF file; convert the model, or check what was downloaded")
        version = self._scalar("<I")
        if version not in VERSIONS:
            raise self._garbage(f"its GGUF version is {version}, readable are {', '.join(map(str, VERSIONS))}")
        tensors, entries = self._count("tensors"), self._count("metadata entries")
        metadata = {self._string(): self._value(self._scalar("<I")) for _ in range(entries)}
        parameters, end = self._tensors(tensors)
        alignment = metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or alignment < 1:
            raise self._garbage("its alignment is not a number")
        start = -(-self._file.tell() // alignment) * alignment
        if tensors == 0:
            raise ModelFileError(f"{self._path}: holds a vocabulary but no weights; use a complete model file")
        if start + end > self._size:
            raise ModelFileError(
                f"{self._path}: is truncated, {self._size} bytes of at least {start + end}; fetch the file again"
            )
        architecture = str(metadata.get("general.architecture", ""))
        context = metadata.get(f"{architecture}.context_length")
        vocabulary = metadata.get("tokenizer.ggml.tokens")
        template = metadata.get("tokenizer.chat_template")
        return Header(
            version=version,
            architecture=architecture,
            name=str(metadata.get("general.name", self._path.stem)),
            context=context if isinstance(context, int) else None,
            parameters=parameters,
            vocabulary=vocabulary if isinstance(vocabulary, int) else 0,
            chat_template=template if isinstance(template, str) else None,
            file_size=self._size,
            expected_size=start + end,
        )

    def _tensors(self, count: int) -> tuple[int, int]:
        """Number of elements of all tensors, and where the data of the last one ends (from the start of the data)."""
        parameters = end = 0
        for _ in range(count):
            self._string()
            dimensions = self._scalar("<I")
            if dimensions > 8:
                raise self._garbage(f"a tensor of {dimensions} dimensions")
            elements = 1
            for _ in range(dimensions):
                elements *= self._scalar("<Q")
            kind, offset = self._scalar("<I"), self._scalar("<Q")
            per_block, size = _BLOCKS.get(kind, (1, 0))
            parameters += elements
            end = max(end, offset + -(-elements // per_block) * size)
        return parameters, end

    def _value(self, kind: int) -> Any:
        """A metadata value; of an array only its length."""
        if kind == _STRING:
            return self._string()
        if kind == _ARRAY:
            return self._array()
        if kind not in _SCALARS:
            raise self._garbage(f"a metadata value of unknown type {kind}")
        return self._scalar(_SCALARS[kind])

    def _array(self) -> int:
        kind, length = self._scalar("<I"), self._scalar("<Q")
        if length > min(self._size, MOST_VALUES):
            raise self._garbage(f"an array of {length} values")
        if kind == _STRING:
            for _ in range(length):
                self._skip(self._scalar("<Q"))
        elif kind in _SCALARS:
            self._skip(length * struct.calcsize(_SCALARS[kind]))
        else:
            raise self._garbage(f"an array of unknown type {kind}")
        return int(length)

    def _string(self) -> str:
        length = self._scalar("<Q")
        if length > min(self._size, MOST_BYTES):
            raise self._garbage(f"a text of {length} bytes")
        return self._read(length).decode("utf-8", errors="replace")

    def _count(self, what: str) -> int:
        count = self._scalar("<Q")
        if count > MOST_ENTRIES:
            raise self._garbage(f"{count} {what}")
        return int(count)

    def _scalar(self, form: str) -> Any:
        return struct.unpack(form, self._read(struct.calcsize(form)))[0]

    def _read(self, length: int) -> bytes:
        data = self._file.read(length)
        if len(data) < length:
            raise ModelFileError(f"{self._path}: is truncated within its header; fetch the file again")
        return data

    def _skip(self, length: int) -> None:
        if self._file.tell() + length > self._size:
            raise ModelFileError(f"{self._path}: is truncated within its header; fetch the file again")
        self._file.seek(length, 1)

    def _garbage(self, what: str) -> ModelFileError:
        return ModelFileError(f"{self._path}: is not a usable GGUF file ({what}); fetch or convert it again")
