"""Values to put in place of others, and where in a JSON document they can go."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 1.5, -0.5, 10**9, 2**31, 2**62, 2**63, -(2**63) - 1, 10**400, 1e308, -1e308, 1e-320,
    math.inf, -math.inf, math.nan, "", " ", "\n", "\0", "4", "x" * 5000, "x" * 300_000, "\ud800", "a\udfffb", "\u202e",
    "\U0001f600", "<|im_end|>", "[bold]x[/", "%s%n", "\x1b[2J", [], {}, [[]], [None], {"": ""}, {"x": 1}, ["a", 1],
    {"kind": "proposal"}, [1, 2, 3], ["x"] * 3000, "stop", "length", "content_filter", "1", "1e999", "NaN",
)  # fmt: skip
DEPTHS = (3, 60, 190, 300)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each container and key within a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items):
        yield value, key
        yield from places(inner)


def deep(depth: int, inner: Any = None) -> Any:
    """Return a value within `depth` lists and objects."""
    for level in range(depth):
        inner = [inner] if level % 2 else {"x": inner}
    return inner


def written(document: Any, *, ascii: bool) -> bytes:
    """Return a document as JSON, or something as deep where it is too deep to write."""
    try:
        return json.dumps(document, ensure_ascii=ascii).encode(errors="surrogatepass")
    except RecursionError:
        return b"[" * 20_000


def change(draw: random.Random, document: Any) -> str:
    """Change one place of a document; return what was done, in brief."""
    try:
        return _change(draw, document)
    except RecursionError:  # several changes made it this deep
        return "nothing"


def _change(draw: random.Random, document: Any) -> str:
    found = list(places(document))
    if not found:
        return "nothing"
    container, key = draw.choice(found)
    how = draw.choice(("set", "set", "set", "remove", "add", "wrap", "deep", "repeat", "swap"))
    if how == "set":
        container[key] = deepcopy(draw.choice(VALUES))
    elif how == "remove":
        del container[key]
    elif how == "wrap":
        container[key] = [container[key]]
    elif how == "deep":
        container[key] = deep(draw.choice(DEPTHS), container[key])
    elif how == "add" and isinstance(container, dict):
        container[draw.choice(("", "x", "kind", "usage", "\ud800", "k" * 3000))] = deepcopy(draw.choice(VALUES))
    elif how == "repeat" and isinstance(container, list):
        container.extend(deepcopy(container[key]) for _ in range(draw.choice((1, 30, 1000))))
    else:
        other, there = draw.choice(found)
        if there in other if isinstance(other, dict) else there < len(other):
            container[key] = deepcopy(other[there])
    return f"{how} {str(key)[:40]!a}"


def change_text(draw: random.Random, text: bytes) -> tuple[bytes, str]:
    """Return bytes with one change, and what was done."""
    place = draw.randrange(len(text) + 1)
    how = draw.choice(("noise", "cut", "deep", "twice", "literal", "escape"))
    if how == "noise":
        return text[:place] + draw.randbytes(draw.choice((1, 3))) + text[place + 1 :], f"noise at {place}"
    if how == "cut":
        return text[:place], f"cut at {place}"
    if how == "deep":
        return text[:place] + draw.choice((b"[", b'{"a":')) * draw.choice((200, 100_000)) + text[
            place:
        ], f"deep {place}"
    if how == "twice":
        return text + text, "twice"
    put = draw.choice((b"NaN", b"-Infinity", b"1e999", b"9" * 5000, b"-0", b"\xff\xfe", b"\0", b"true")) \
        if how == "literal" else draw.choice((b"\\ud800", b"\\u0000", b"\\x", b"\\"))  # fmt: skip
    return text[:place] + put + text[place:], f"{how} {put[:10]!r} at {place}"
