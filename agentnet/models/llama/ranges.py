"""Numbers between bounds, as GBNF expressions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from agentnet.errors import SchemaUnsupported

MOST_DIGITS = 16
_FRACTION = "[0-9]{1,15}"


def integers(schema: Mapping[str, Any], place: str) -> str:
    """An expression for the integers that a schema allows: its bounds may be open, on one side or on both."""
    low, high = _whole_bounds(schema, place)
    if low is None and high is None:
        return "integer"
    if low is not None and high is not None and low > high:
        raise SchemaUnsupported(f"{place}: no integer lies between {low} and {high}")
    parts: list[str] = []
    if low is None or low < 0:
        least = 1 if high is None or high >= 0 else -high
        parts += [f'"-" ({" | ".join(_naturals(least, None if low is None else -low))})']
    if high is None or high >= 0:
        parts += _naturals(max(0, low or 0), high)
    return f"({' | '.join(parts)})"


def numbers(schema: Mapping[str, Any], place: str) -> str:
    """An expression for the numbers that a schema allows, without an exponent where there are bounds.

    Bounds must be whole numbers and not below 0: `SchemaUnsupported` otherwise.
    """
    if not any(bound in schema for bound in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")):
        return "number"
    low, high = _bound(schema, "minimum", place), _bound(schema, "maximum", place)
    if low is None or low < 0 or "exclusiveMinimum" in schema or "exclusiveMaximum" in schema:
        raise SchemaUnsupported(f"{place}: numbers can be held to a minimum and a maximum of whole numbers from 0 on")
    if high is None:
        return f'({" | ".join(_naturals(low, None))}) ("." {_FRACTION})?'
    if low > high:
        raise SchemaUnsupported(f"{place}: no number lies between {low} and {high}")
    top = f'"{high}" ("." "0"{{1,15}})?'
    if low == high:
        return f"({top})"
    return f'(({" | ".join(_naturals(low, high - 1))}) ("." {_FRACTION})? | {top})'


def _whole_bounds(schema: Mapping[str, Any], place: str) -> tuple[int | None, int | None]:
    """The least and the greatest integer that the four keywords leave."""
    lows = [_limit(schema, "minimum", place, math.ceil), _limit(schema, "exclusiveMinimum", place, _above)]
    highs = [_limit(schema, "maximum", place, math.floor), _limit(schema, "exclusiveMaximum", place, _below)]
    return max((low for low in lows if low is not None), default=None), min(
        (high for high in highs if high is not None), default=None
    )


def _limit(schema: Mapping[str, Any], name: str, place: str, rounded: Any) -> int | None:
    value = schema.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 10**MOST_DIGITS:
        raise SchemaUnsupported(f"{place}: {name!r} must be a number of at most {MOST_DIGITS} digits")
    return int(rounded(value))


def _bound(schema: Mapping[str, Any], name: str, place: str) -> int | None:
    value = _limit(schema, name, place, math.floor)
    if value != schema.get(name):
        raise SchemaUnsupported(f"{place}: {name!r} must be a whole number for llama.cpp")
    return value


def _above(value: float) -> int:
    return math.floor(value) + 1


def _below(value: float) -> int:
    return math.ceil(value) - 1


def _naturals(low: int, high: int | None) -> list[str]:
    """Expressions that together match the decimal numbers from `low` to `high`, without leading zeros."""
    if high is None:
        size = len(str(low))
        longer = [f"[1-9] [0-9]{{{size},{MOST_DIGITS - 1}}}"] if size < MOST_DIGITS else []
        return [*_naturals(low, 10**size - 1), *longer]
    found: list[str] = []
    while low <= high:
        end = min(high, 10 ** len(str(low)) - 1)
        found += _same_length(str(low), str(end))
        low = end + 1
    return found


def _same_length(low: str, high: str) -> list[str]:
    """The same for two bounds with equally many digits: split at the first digit in which they differ."""
    if low == high:
        return [f'"{low}"'] if low else [""]
    first, last, rest = low[0], high[0], len(low) - 1
    if first == last:
        return [f'"{first}" {part}' for part in _same_length(low[1:], high[1:])]
    found: list[str] = []
    start, stop = int(first), int(last)
    if low[1:].strip("0"):
        found += [f'"{first}" {part}' for part in _same_length(low[1:], "9" * rest)]
        start += 1
    ends: list[str] = []
    if high[1:].strip("9"):
        ends = [f'"{last}" {part}' for part in _same_length("0" * rest, high[1:])]
        stop -= 1
    if start <= stop:
        found.append(f"[{start}-{stop}]" + (f" [0-9]{{{rest}}}" if rest else ""))
    return found + ends
