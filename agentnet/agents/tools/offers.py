"""What a server says of a tool, made fit for prompts and grammars: bounded, in plain words, and checked.

Descriptions are words of the server, not of the network's owner: they get one line of bounded length each, and none
can stand for a part of a prompt.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from agentnet.errors import ToolError
from agentnet.models.base import ToolOffer
from agentnet.prompts.words import one_line

LONGEST_DESCRIPTION, LONGEST_REMARK = 300, 160
"""Characters of a tool's description, and of that of an argument."""
LARGEST_SCHEMA = 8192
"""Characters of a tool's schema, without what is left out."""
DEEPEST = 30
MOST_FOLLOWED = 10_000
"""Parts of a schema with those that its references lead to, each as often as they do."""
_REFERENCES = ("$ref", "$dynamicRef")
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
    if _followed(name, bounded, bounded, {}) > MOST_FOLLOWED:
        raise ToolError(
            f"{name}: the schema of its arguments has more than {MOST_FOLLOWED} parts once its references are followed"
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


def _followed(name: str, schema: Any, part: Any, known: dict[str, int], *, names: bool = False) -> int:
    """Return how many parts a part of a schema has, its references followed; one that leads back into itself is one.

    Arguments are checked along the references, so few of them could take for ever. `known` are those that were
    followed, and `names` says that the part maps names to schemas. Raises `ToolError` for a reference that leads out of
    the schema, or nowhere.
    """
    if isinstance(part, list):
        return 1 + sum(_followed(name, schema, each, known) for each in part)
    if not isinstance(part, dict):
        return 1
    count = 1
    for key, value in part.items():
        if key in _REFERENCES and isinstance(value, str) and not names:
            if value not in known:
                known[value] = 1
                known[value] = _followed(name, schema, _target(name, schema, value), known)
            count += known[value]
        elif names or key not in ("enum", "const"):
            count += _followed(name, schema, value, known, names=key in _NAMES and not names)
    return count


def _target(name: str, schema: Any, reference: str) -> Any:
    first, *keys = unquote(reference).split("/")
    try:
        if first != "#":
            raise KeyError(first)
        for key in keys:
            plain = key.replace("~1", "/").replace("~0", "~")
            schema = schema[int(plain)] if isinstance(schema, list) else schema[plain]
    except (LookupError, TypeError, ValueError) as error:
        raise ToolError(
            f"{name}: the schema of its arguments refers to {reference[:100]!r}, which is not in it"
        ) from error
    return schema
