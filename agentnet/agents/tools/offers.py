"""What a server says of a tool, made fit for prompts and grammars: bounded, in plain words, and checked.

Descriptions are words of the server, not of the network's owner: they get one line of bounded length each, and none
can stand for a part of a prompt.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agentnet.errors import ToolError
from agentnet.models.base import ToolOffer
from agentnet.prompts.words import one_line

LONGEST_DESCRIPTION, LONGEST_REMARK = 300, 160
"""Characters of a tool's description, and of that of an argument."""
LARGEST_SCHEMA = 8192
"""Characters of a tool's schema, without what is left out."""
DEEPEST = 30
_LEFT_OUT = frozenset({"title", "examples", "default", "$schema", "$id", "$comment"})
"""Keywords of a schema that say nothing about which arguments are right."""
_BOUNDS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})
LARGEST_BOUND = 2**53
"""Bounds of numbers beyond it are the server's to check: a grammar cannot count so far, and no model comes near."""
_NAMES = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
"""Keywords whose values map names to schemas: a property may be called like a keyword."""


def offer(name: str, description: str | None, schema: Mapping[str, Any]) -> ToolOffer:
    """Return what members are offered of a tool ``SERVER/TOOL``. Raises `ToolError` for a schema that is unusable."""
    bounded = _bounded(name, schema, 0)
    if bounded.get("type", "object") != "object":
        raise ToolError(f"{name}: its arguments are no object, but {str(bounded['type'])[:20]!r}")
    try:
        written = json.dumps(bounded)
    except (TypeError, ValueError) as error:
        raise ToolError(f"{name}: the schema of its arguments is no JSON ({error})") from error
    if len(written) > LARGEST_SCHEMA:
        raise ToolError(
            f"{name}: the schema of its arguments has {len(written)} characters; at most {LARGEST_SCHEMA} are read"
        )
    return ToolOffer(name, one_line(description or "", LONGEST_DESCRIPTION), {"type": "object", **bounded})


def _bounded(name: str, part: Any, depth: int, *, names: bool = False) -> Any:
    """Return a part of a schema without what is left out, and with short descriptions. `names`: it maps names."""
    if depth > DEEPEST:
        raise ToolError(f"{name}: the schema of its arguments is nested more than {DEEPEST} levels deep")
    if isinstance(part, list):
        return [_bounded(name, each, depth + 1) for each in part]
    if not isinstance(part, dict):
        return part
    if names:
        return {key: _bounded(name, each, depth + 1) for key, each in part.items()}
    bounded: dict[str, Any] = {}
    for key, value in part.items():
        if key == "description" and isinstance(value, str):
            bounded[key] = one_line(value, LONGEST_REMARK)
        elif key in ("enum", "const"):
            bounded[key] = value
        elif key in _BOUNDS and isinstance(value, int | float) and abs(value) > LARGEST_BOUND:
            continue
        elif key not in _LEFT_OUT:
            bounded[key] = _bounded(name, value, depth + 1, names=key in _NAMES)
    return bounded
