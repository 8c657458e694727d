"""Texts that run on: they repeat one unit over and over, as small models do that have lost the thread."""

from __future__ import annotations

import re

TIMES, LENGTH, UNIT = 8, 32, 200
"""A stretch holds its unit at least TIMES times and is at least LENGTH characters long; a unit has at most UNIT."""

_STRETCH = re.compile(r"(.)\1{31,}|(..)\2{15,}|(...)\3{10,}|(.{4,200}?)\4{7,}", re.DOTALL)


def repetition(text: str) -> str | None:
    """Return the unit that a text repeats, None where the text does not run on.

    A stretch is a part of the text in which a unit of ``p`` characters (1 to 200) stands ``max(8, 32 / p)`` times or
    more, with nothing in between. The text runs on if a stretch reaches to its end, or makes up at least half of it.
    At the end the unit may stand once more in part, for a reply can be cut off anywhere. White space around the text
    does not count. Stretches are looked for from the left, one behind the other; the first that makes the text run on
    names the unit, and a unit is the shortest that fits: ``1``, not ``11``.

    Only characters are compared, and a repetition may be what was asked for ("write a hundred ones"). So the function
    is asked about replies that show otherwise that the model has lost the thread: those that were cut off at the token
    limit (`agentnet.agents`), and those without the answer marker of their prompt pack (`read_reply`). A reply that
    came to its own end behind the marker may repeat what it likes; ``1111`` and ``aaaa`` are too short to run on.
    """
    text = text.strip()
    for stretch in _STRETCH.finditer(text):
        unit = next(group for group in stretch.groups() if group is not None)
        to_the_end = unit.startswith(text[stretch.end() :])
        if to_the_end or 2 * len(stretch[0]) >= len(text):
            return unit
    return None
