"""How far a member runs ahead: farther while the text continues as drafted, and not at all where it keeps parting."""

from __future__ import annotations

FIRST, MOST = 4, 16
"""Tokens that a member runs ahead at first, and at most."""
LONGEST_REST = 32
"""Pieces without a draft, at most, before the next one is tried."""


class Pace:
    """The length of the next draft.

    A draft costs the evaluations of the member that runs ahead; those behind the piece where the text parts from it are
    wasted. A draft of length 0 costs none: it is the token that the member would say next. Where even such a draft
    fails, there is none for some pieces, each time for twice as many.
    """

    def __init__(self) -> None:
        self.length = FIRST
        """Tokens that a member runs ahead."""
        self._rest = self._next_rest = 0
        self._pieces = 0

    @property
    def resting(self) -> bool:
        """Whether there is no draft for the next piece."""
        return self._rest > 0

    def drafted(self) -> None:
        """Note that a draft was made."""
        self._pieces = 0

    def passed(self) -> None:
        """Note a piece without a draft."""
        self._rest = max(0, self._rest - 1)

    def continued(self) -> None:
        """Note a piece that is as drafted."""
        self._pieces += 1

    def finished(self) -> None:
        """Note that the text has become what was drafted, all of it."""
        self.length = min(MOST, 2 * self.length + 1)
        self._next_rest = 0

    def parted(self) -> None:
        """Note a piece that is not as drafted."""
        if self._pieces:
            self._next_rest = 0
        elif not self.length:
            self._next_rest = self._rest = min(LONGEST_REST, 2 * self._next_rest + 1)
        self.length = max(0, min(self._pieces, self.length - 1))
