"""The metadata of a GGUF file, read in a second: `gguf.GGUFReader` makes several arrays of each text, and takes half a
minute for a real vocabulary."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFValueType as Kind

_NUMBERS = {
    Kind.UINT8: "u1", Kind.INT8: "i1", Kind.UINT16: "<u2", Kind.INT16: "<i2", Kind.UINT32: "<u4", Kind.INT32: "<i4",
    Kind.FLOAT32: "<f4", Kind.BOOL: "?", Kind.UINT64: "<u8", Kind.INT64: "<i8", Kind.FLOAT64: "<f8",
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One key and its value; `inner` is the kind of an array's values."""

    key: str
    kind: Kind
    inner: Kind | None
    value: Any


def metadata(path: Path) -> Iterator[Entry]:
    """Yield the entries of a GGUF file of version 3, of which nothing is checked."""
    data, at = path.read_bytes(), 24

    def numbers(kind: Kind, count: int) -> list[Any]:
        nonlocal at
        values = np.frombuffer(data, _NUMBERS[kind], count, at)
        at += values.nbytes
        return list(values.tolist())

    def text() -> bytes:
        nonlocal at
        (size,) = struct.unpack_from("<Q", data, at)
        at += 8 + size
        return data[at - size : at]

    def value(kind: Kind) -> Any:
        return text().decode() if kind == Kind.STRING else numbers(kind, 1)[0]

    for _ in range(struct.unpack_from("<Q", data, 16)[0]):
        key, kind, inner = text().decode(), Kind(numbers(Kind.UINT32, 1)[0]), None
        if kind != Kind.ARRAY:
            yield Entry(key, kind, inner, value(kind))
            continue
        inner, count = Kind(numbers(Kind.UINT32, 1)[0]), numbers(Kind.UINT64, 1)[0]
        yield Entry(key, kind, inner, [text() for _ in range(count)] if inner == Kind.STRING else numbers(inner, count))
