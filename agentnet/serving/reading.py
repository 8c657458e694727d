"""Reading JSON that others sent: within bounds, and nothing that is no JSON, no Unicode, or no value of ours."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from itertools import islice
from typing import Any

from starlette.requests import Request

from agentnet.serving.app import Problem

MOST_LEVELS = 64
"""Levels of lists and objects within each other."""
MOST_DIGITS = 400
"""Digits of a number: what has more is none that anybody means, and takes long to read."""
MOST_VALUES = 256
"""Values in the longest protocol that a caller writes: its graph is made before a run begins, and limits hold."""


async def read_json(request: Request) -> dict[str, Any]:
    """Return the JSON object that a request carries. Raises `Problem` for anything else."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Problem(415, "the body must be JSON: send Content-Type: application/json", "not-json")
    data = parse_json(await request.body())
    if not isinstance(data, dict):
        raise Problem(400, "the body must be a JSON object", "not-an-object")
    return data


def parse_json(body: bytes) -> Any:
    """Return the value of a JSON text. Raises `Problem` for anything else."""
    try:
        value = json.loads(body, parse_constant=_no_number, parse_int=_whole)
    except (ValueError, RecursionError):
        raise Problem(400, "the body is not JSON", "not-json") from None
    _check(value)
    return value


def is_bounded(protocol: object) -> bool:
    """Return whether a protocol that a caller writes, as data, has no more than `MOST_VALUES` values."""
    return sum(1 for _ in islice(_values(protocol), MOST_VALUES + 1)) <= MOST_VALUES


def _values(value: object) -> Iterator[object]:
    """Yield a value of JSON, and all that are in it."""
    left = [value]
    while left:
        part = left.pop()
        yield part
        if isinstance(part, dict):
            left += part.values()
        elif isinstance(part, list):
            left += part


def _check(value: Any) -> None:
    """Raise `Problem` for a value that is nested too deeply, or holds an infinite number or half a character."""
    level, inner = 0, [value]
    while inner:
        level += 1
        if level > MOST_LEVELS:
            raise Problem(400, f"the body is nested in more than {MOST_LEVELS} levels", "too-deep")
        following: list[Any] = []
        for each in inner:
            if isinstance(each, str):
                _check_text(each)
            elif isinstance(each, float):
                _check_number(each)
            elif isinstance(each, dict):
                for key in each:
                    _check_text(key)
                following += each.values()
            elif isinstance(each, list):
                following += each
        inner = following


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        why = "the body holds a text that is not Unicode: half of a surrogate pair"
        raise Problem(400, why, "not-unicode") from None


def _check_number(number: float) -> None:
    if math.isinf(number):  # JSON writes it as 1e999
        raise Problem(400, "the body holds a number that is too large", "too-large-number")


def _whole(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a number of more than {MOST_DIGITS} digits")
    return int(digits)


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
