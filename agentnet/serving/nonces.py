"""Nonces: numbers that count once, so that a request that was overheard cannot be sent again."""

from __future__ import annotations

import secrets
from collections import OrderedDict

MOST = 65_536
"""Nonces that are remembered; the oldest are forgotten first."""


class Nonces:
    """Gives out nonces, and takes each of them once. A nonce that was forgotten is as good as none."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._open: OrderedDict[str, None] = OrderedDict()

    def new(self) -> str:
        """Return a new nonce."""
        nonce = secrets.token_urlsafe(18)
        self._open[nonce] = None
        if len(self._open) > self._most:
            self._open.popitem(last=False)
        return nonce

    def take(self, nonce: str) -> bool:
        """Return whether a nonce was given out and not taken yet."""
        return nonce in self._open and self._open.pop(nonce) is None
