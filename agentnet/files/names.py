"""Looking up names, with suggestions for unknown ones."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

from agentnet.errors import BadInput

Known = TypeVar("Known")


def lookup(known: Mapping[str, Known], name: str, what: str) -> Known:
    """Return the value of a name. Raises `BadInput` for an unknown one, with the closest name and all known names."""
    if name in known:
        return known[name]
    raise BadInput(f"no {what} {name!r}{suggestion(name, known)} (there are: {', '.join(known)})")


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return a question to put after an unknown name, such as ``, did you mean 'debate'?``; empty if none is close."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f", did you mean {close[0]!r}?" if close else ""
