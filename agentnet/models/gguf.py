"""Reading a GGUF file's header without llama.cpp, so that a broken file is refused before native code sees it.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3, little endian).
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO

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


_PART = re.compile(r"(?P<stem>.*)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf")


@dataclass(frozen=True, slots=True)
class Array:
    """A metadata array. `values` are the numbers of a short one; `repeats` says that two of its texts are equal."""

    length: int
    values: tuple[Any, ...] = ()
    repeats: bool = False


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor of weights and the bytes of its data."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Header:
    """What a GGUF file says of itself, or a model of several files of itself as a whole.

    Sizes are in bytes; `parameters` counts the elements of all tensors. `settings` are the numbers that the
    architecture is built with, under their names without the architecture's own: ``block_count``,
    ``attention.head_count``; one that differs from layer to layer is a tuple.
    """

    version: int
    architecture: str
    name: str
    context: int | None
    parameters: int
    vocabulary: int
    chat_template: str | None
    settings: Mapping[str, Any]
    tensors: tuple[Tensor, ...]
    file_size: int
    expected_size: int


def read_header(path: Path) -> Header:
    """The header of a GGUF file; of a model that is split into several files, `path` is the first.

    Raises `ModelFileError` for a file that is missing, unreadable, not a GGUF, truncated, or without weights.
    """
    first = _read(path)
    parts = [first, *(_read(other) for other in _other_parts(path, first.metadata))]
    return _header(path, parts)


def names_a_part(path: Path) -> bool:
    """Return whether a path is named like one of several files of a model."""
    return _PART.fullmatch(path.name) is not None


def all_parts(path: Path) -> list[Path]:
    """Return all files of a model, of which `path` is the first: as its header counts them, whether they exist or not.

    Raises `ModelFileError` where the header cannot be read, or belongs to a later file.
    """
    return [path, *_other_parts(path, _read(path).metadata)] if names_a_part(path) else [path]


def checksum(paths: Iterable[Path]) -> str:
    """Return the SHA-256 of files as if they were one: what ``cat NAME-*.gguf | sha256sum`` says.

    Raises `ModelFileError` for a file that is missing or cannot be read.
    """
    digest = hashlib.sha256()
    for path in paths:
        with _opened(path) as file:
            hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()


def named_parts(path: Path) -> list[Path]:
    """Return all files of the model that a path names the first or a later file of, as far as its name tells.

    llama.cpp's names are ``NAME-00001-of-00003.gguf`` and so on; any other name is that of a whole model.
    """
    named = _PART.fullmatch(path.name)
    if named is None:
        return [path]
    count = int(named["count"])
    return [path.with_name(f"{named['stem']}-{part:05}-of-{count:05}.gguf") for part in range(1, count + 1)] or [path]


@dataclass(frozen=True, slots=True)
class _Part:
    """What one file holds."""

    version: int
    metadata: dict[str, Any]
    tensors: tuple[Tensor, ...]
    parameters: int
    file_size: int
    expected_size: int


def _read(path: Path) -> _Part:
    with _opened(path) as file:
        return _Reader(path, file).part()


@contextmanager
def _opened(path: Path) -> Iterator[BufferedReader]:
    try:
        if path.exists() and not path.is_file():
            raise ModelFileError(f"{path}: is not a file; name the GGUF file itself")
        file = path.open("rb")
    except (FileNotFoundError, ValueError):  # ValueError: a NUL in the path
        raise ModelFileError(f"{path}: no such file; check the model's path") from None
    except OSError as error:
        raise _unreadable(path, error) from error
    with file:
        try:
            yield file
        except OSError as error:
            raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> ModelFileError:
    return ModelFileError(f"{path}: cannot be read ({error.strerror}); check the file and its permissions")


def _other_parts(path: Path, metadata: Mapping[str, Any]) -> list[Path]:
    """The further files of a model that is split, which llama.cpp finds by their names."""
    count, number = metadata.get("split.count", 1), metadata.get("split.no", 0)
    if not isinstance(count, int) or count < 2:
        return []
    named = _PART.fullmatch(path.name)
    if named is None or int(named["count"]) != count:
        raise ModelFileError(f"{path}: is one of {count} files; name them NAME-00001-of-{count:05}.gguf and so on")
    first, *others = named_parts(path)
    if number != 0 or path.name != first.name:
        raise ModelFileError(f"{path}: is not the first of {count} files; name {first.name}")
    return others


def _header(path: Path, parts: list[_Part]) -> Header:
    metadata = parts[0].metadata
    if not any(part.tensors for part in parts):
        raise ModelFileError(f"{path}: holds a vocabulary but no weights; use a complete model file")
    architecture = metadata.get("general.architecture")
    if not isinstance(architecture, str):
        raise _garbage(path, "it names no architecture")
    if (absurd := _absurd(metadata, architecture)) is not None:
        raise _garbage(path, f"its {absurd} is {metadata[absurd]}")
    context = metadata.get(f"{architecture}.context_length")
    vocabulary = metadata.get("tokenizer.ggml.tokens")
    if isinstance(vocabulary, Array) and vocabulary.repeats:  # an assertion of llama.cpp would end the process
        raise _garbage(path, "two tokens of its vocabulary are the same")
    template = metadata.get("tokenizer.chat_template")
    return Header(
        version=parts[0].version,
        architecture=architecture,
        name=str(metadata.get("general.name", path.stem)),
        context=context if isinstance(context, int) else None,
        parameters=sum(part.parameters for part in parts),
        vocabulary=vocabulary.length if isinstance(vocabulary, Array) else 0,
        chat_template=template if isinstance(template, str) else None,
        settings=_settings(metadata, f"{architecture}."),
        tensors=tuple(tensor for part in parts for tensor in part.tensors),
        file_size=sum(part.file_size for part in parts),
        expected_size=sum(part.expected_size for part in parts),
    )


def _settings(metadata: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    own = {key.removeprefix(prefix): value for key, value in metadata.items() if key.startswith(prefix)}
    numbers = {key: value.values if isinstance(value, Array) else value for key, value in own.items()}
    return {key: value for key, value in numbers.items() if isinstance(value, int | float | tuple) and value != ()}


class _Reader:
    """Walks through one file. Every length is checked against what the file can hold before it is used."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path, self._file = path, file
        self._size = file.seek(0, 2)
        self._at = file.seek(0)

    def part(self) -> _Part:
        if self._file.read(4) != MAGIC:
            raise ModelFileError(f"{self._path}: is not a GGUF file; convert the model, or check what was downloaded")
        self._at = 4
        version = self._scalar("<I")
        if version in SWAPPED:
            raise self._garbage("its version is written in the other byte order")
        if version not in VERSIONS:
            raise self._garbage(f"its GGUF version is {version}, readable are {', '.join(map(str, VERSIONS))}")
        count, entries = self._count("tensors"), self._count("metadata entries")
        metadata: dict[str, Any] = {}
        for _ in range(entries):
            key = self._text()
            metadata[key] = self._value(self._scalar("<I"))
        tensors, parameters, end = self._tensors(count)
        alignment = metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or alignment < 1:
            raise self._garbage("its alignment is not a number")
        expected = -(-self._at // alignment) * alignment + end if tensors else self._at
        if expected > self._size:
            raise ModelFileError(
                f"{self._path}: is truncated, {self._size} bytes of at least {expected}; fetch the file again"
            )
        return _Part(version, metadata, tensors, parameters, self._size, expected)

    def _tensors(self, count: int) -> tuple[tuple[Tensor, ...], int, int]:
        """All tensors, the number of their elements, and where the last one ends (from the start of the data)."""
        tensors: list[Tensor] = []
        parameters = end = 0
        for _ in range(count):
            name = self._text()
            dimensions = self._scalar("<I")
            if dimensions > 8:
                raise self._garbage(f"a tensor of {dimensions} dimensions")
            elements = 1
            for _ in range(dimensions):
                elements *= self._scalar("<Q")
            kind, offset = self._scalar("<I"), self._scalar("<Q")
            per_block, block = _BLOCKS.get(kind, (1, 0))
            size = -(-elements // per_block) * block
            tensors.append(Tensor(name, size))
            parameters += elements
            end = max(end, offset + size)
        return tuple(tensors), parameters, end

    def _value(self, kind: int) -> Any:
        if kind == _STRING:
            return self._text()
        if kind == _ARRAY:
            return self._array()
        if kind not in _SCALARS:
            raise self._garbage(f"a metadata value of unknown type {kind}")
        return self._scalar(_SCALARS[kind])

    def _array(self) -> Array:
        kind, length = self._scalar("<I"), self._scalar("<Q")
        if kind == _STRING:
            if length > MOST_TEXTS:
                raise self._garbage(f"an array of {length} texts")
            return Array(length, repeats=self._repeats(length))
        elif kind in _SCALARS and length <= MOST_VALUES:
            return Array(length, tuple(self._scalar(_SCALARS[kind]) for _ in range(length)))
        elif kind in _SCALARS:
            self._skip(length * struct.calcsize(_SCALARS[kind]))
        else:
            raise self._garbage(f"an array of unknown type {kind}")
        return Array(length)

    def _repeats(self, length: int) -> bool:
        """Read the texts of an array; whether two are the same to llama.cpp, which reads up to a NUL."""
        texts = (self._bytes().partition(b"\0")[0] for _ in range(length))
        named = [text for text in texts if text]  # llama.cpp numbers the empty ones
        return len(set(named)) < len(named)

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
        return _garbage(self._path, what)


def _garbage(path: Path, what: str) -> ModelFileError:
    return ModelFileError(f"{path}: is not a usable GGUF file ({what}); fetch or convert it again")


def _absurd(metadata: dict[str, Any], architecture: str) -> str | None:
    """The key of a value that llama.cpp answers with an assertion, which would end the process; None if all is well."""
    layers = f"{architecture}.block_count"
    if metadata.get(layers) == 0:
        return layers
    epsilons = [f"{architecture}.attention.{norm}_epsilon" for norm in ("layer_norm", "layer_norm_rms", "group_norm")]
    found = {key: metadata.get(key) for key in epsilons}
    return next((key for key, value in found.items() if isinstance(value, float) and not value >= 0), None)
