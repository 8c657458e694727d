"""Looking a name up among the known ones, and what an unknown one was meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

from agentnet.errors import BadInput

Known = TypeVar("Known")


def lookup(known: Mapping[str, Known], name: str, what: str) -> Known:
    """What goes by a name. An unknown one is a `BadInput` that says which is closest, and which there are."""
    if name in known:
        return known[name]
    raise BadInput(f"no {what} {name!r}{suggestion(name, known)} (there are: {', '.join(known)})")


def suggestion(name: str, known: Iterable[str]) -> str:
    """A question after an unknown name, such as ``, did you mean 'debate'?``; empty where nothing is close."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f", did you mean {close[0]!r}?" if close else ""
