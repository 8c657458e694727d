"""What a strategy is: from each member's distribution over the next piece to the piece that is said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from agentnet.fusion.views import Choice, View


class Strategy(Protocol):
    """Chooses the next piece. One object serves one text: it may remember (a random draw that advances)."""

    leads: bool
    """Whether the first member is asked before the others, which may then not be needed."""

    def enough(self, leader: View) -> bool:
        """Return whether the first member is so sure that the others need not be asked for this piece."""
        ...

    def choose(self, views: Sequence[View]) -> Choice:
        """Return the next piece, from at least one view."""
        ...


class AsksAll:
    """A strategy that asks every member for every piece."""

    leads = False

    def enough(self, leader: View) -> bool:
        return False
