"""What a strategy is: from what each member thinks comes next to what comes next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from agentnet.fusion.views import Choice, View


class Strategy(Protocol):
    """Chooses the next piece. One object serves one text: it may remember (a random draw that advances)."""

    leads: bool
    """Whether the first member is asked before the others, who may then not be needed."""

    def enough(self, leader: View) -> bool:
        """Whether the first member is so sure that the others need not be asked for this piece."""
        ...

    def choose(self, views: Sequence[View]) -> Choice:
        """The next piece, from at least one view."""
        ...


class AsksAll:
    """A strategy that wants everybody's opinion on every piece."""

    leads = False

    def enough(self, leader: View) -> bool:
        return False
