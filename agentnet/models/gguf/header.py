"""What a GGUF file says of itself, read without llama.cpp, so that a broken file is refused before native code sees it.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3, little endian).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

from agentnet.errors import ModelFileError
from agentnet.models.gguf.reader import TOKENS, Array, Part, Reader, Tensor, garbage
from agentnet.models.gguf.validity import fault

_PART = re.compile(r"(?P<stem>.*)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf")


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
        with opened(path) as file:
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


def _read(path: Path) -> Part:
    with opened(path) as file:
        return Reader(path, file).part()


@contextmanager
def opened(path: Path) -> Iterator[BufferedReader]:
    """Open a file, and raise `ModelFileError` where it is missing or cannot be read."""
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


def _header(path: Path, parts: list[Part]) -> Header:
    metadata = parts[0].metadata
    if not any(part.tensors for part in parts):
        raise ModelFileError(f"{path}: holds a vocabulary but no weights; use a complete model file")
    if (wrong := fault(metadata)) is not None:
        raise garbage(path, wrong)
    architecture = metadata["general.architecture"]
    context = metadata.get(f"{architecture}.context_length")
    vocabulary = metadata.get(TOKENS)
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
