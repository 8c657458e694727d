"""Texts that run on: degenerate replies of small models that repeat one unit over and over."""

from __future__ import annotations

import re

TIMES, LENGTH, UNIT = 8, 32, 200
"""A stretch holds its unit at least TIMES times and is at least LENGTH characters long; a unit has at most UNIT."""

_STRETCH = re.compile(r"(.)\1{31,}|(..)\2{15,}|(...)\3{10,}|(.{4,200}?)\4{7,}", re.DOTALL)


def repetition(text: str) -> str | None:
    """Return the unit that a text repeats; None if the text does not run on.

    A stretch is a part of the text in which a unit of ``p`` characters (1 to 200) occurs ``max(8, 32 / p)`` times or
    more, with nothing in between. The text runs on if a stretch reaches its end, or makes up at least half of it. The
    last occurrence at the end may be incomplete, because a reply can be cut off anywhere. White space around the text
    is ignored. Stretches are searched from the left; the first one that makes the text run on gives the unit, and the
    unit is the shortest that fits: ``1``, not ``11``.

    Only characters are compared, and a task may ask for a repetition ("write a hundred ones"). So callers check only
    replies with another sign of degeneration: replies that were cut off at the token limit (`agentnet.agents`), and
    replies without the answer marker of their prompt pack (`read_reply`). A complete reply with the marker may repeat
    anything; ``1111`` and ``aaaa`` are too short to run on.
    """
    text = text.strip()
    for stretch in _STRETCH.finditer(text):
        unit = next(group for group in stretch.groups() if group is not None)
        to_the_end = unit.startswith(text[stretch.end() :])
        if to_the_end or 2 * len(stretch[0]) >= len(text):
            return unit
    return None
