"""The base classes of all contracts: strict, immutable, without unknown fields."""

from __future__ import annotations

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
    field = ".".join(str(part) for part in problem["loc"])
    text = problem["msg"].removeprefix("Value error, ")
    return f"{field}: {text}" if field else text
