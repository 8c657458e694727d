"""One colour for each agent, the same wherever a run is shown.

A colour depends on the agent's name and on the members of its network, and on nothing else. So an agent looks the same
in the live view, in ``agentnet show`` a year later, in a notebook and on a page, whichever agent spoke first and
whatever the process has shown before.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from agentnet.contracts.messages import RESERVED_SENDERS


@dataclass(frozen=True, slots=True)
class Colour:
    """One of the terminal's own colours, and what stands for it in HTML."""

    name: str
    """As ANSI terminals and Rich call it."""
    hex: str
    """``#RRGGBB``, readable on a white and on a dark ground."""


PALETTE = (
    Colour("cyan", "#0f7c9a"),
    Colour("green", "#178740"),
    Colour("magenta", "#c026d3"),
    Colour("yellow", "#a66a08"),
    Colour("blue", "#2f6bed"),
    Colour("bright_cyan", "#0d8479"),
    Colour("bright_green", "#558010"),
    Colour("bright_magenta", "#db2777"),
    Colour("bright_blue", "#7c5cf0"),
    Colour("bright_yellow", "#c2571a"),
)
"""The colours, in the order in which a network's members get them."""


def colour_of(name: str, members: Sequence[str] = ()) -> Colour | None:
    """Return the colour of an agent; None for what is no member of the network, such as the coordinator.

    `members` are the names of the network's agents in its order: each gets the next colour, so that up to ten differ.
    Where they are not known, the colour is a hash of the name, and two agents may share one.
    """
    if members:
        return PALETTE[members.index(name) % len(PALETTE)] if name in members else None
    return None if name in RESERVED_SENDERS else PALETTE[zlib.crc32(name.encode()) % len(PALETTE)]
