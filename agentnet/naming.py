"""Looking a name up among the known ones."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TypeVar

from agentnet.errors import BadInput

Known = TypeVar("Known")


def named(known: Mapping[str, Known], name: str, what: str) -> Known:
    """What goes by a name. An unknown one is a `BadInput` that says which is closest, and which there are."""
    if name in known:
        return known[name]
    close = difflib.get_close_matches(name, known, n=1)
    meant = f", did you mean {close[0]!r}?" if close else ""
    raise BadInput(f"no {what} {name!r}{meant} (there are: {', '.join(known)})")
