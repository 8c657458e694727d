"""The base classes of all contracts: strict, immutable, without unknown fields."""

from __future__ import annotations

import math
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError


class WireModel(BaseModel):
    """An immutable value with exactly the fields that it declares."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, ser_json_inf_nan="constants")


class FileModel(BaseModel):
    """An immutable value of a file that people write (YAML): it accepts `1` as a float and a list as a tuple."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def first_problem(error: ValidationError) -> str:
    """Return the first problem of a validation as one line: ``field.path: problem``."""
    problem = error.errors(include_url=False)[0]
    field = shown(".".join(str(part) for part in problem["loc"]), 200)
    text = shown(problem["msg"].removeprefix("Value error, "), 1000)
    return f"{field}: {text}" if field else text


def shown(text: str, most: int) -> str:
    """Return a text that may hold what a file or a message says, on one line of at most so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[:most]}…"


def finite(value: Any) -> Any:
    """Return plain data with None for the numbers that JSON lacks: the infinite ones, and NaN."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return value
