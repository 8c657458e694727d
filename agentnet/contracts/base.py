"""The base of every contract: strict, immutable, no unknown fields."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError


class WireModel(BaseModel):
    """An immutable value with exactly the fields that it declares."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, ser_json_inf_nan="constants")


class FileModel(BaseModel):
    """The same, for what people write by hand (YAML): `1` is a fine float and a list is a fine tuple."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def first_problem(error: ValidationError) -> str:
    """The first problem of a validation, as one line: ``place: what is wrong``."""
    problem = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in problem["loc"])
    text = problem["msg"].removeprefix("Value error, ")
    return f"{place}: {text}" if place else text
