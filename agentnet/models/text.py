"""From a stream of token bytes to text: whole characters only, and nothing of a stop string."""

from __future__ import annotations

import codecs
from collections.abc import Sequence


class TextStream:
    """Takes token bytes, returns text. Holds back what may still turn out to be the start of a stop string."""

    def __init__(self, stop: Sequence[str] = ()) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._stop = tuple(text for text in stop if text)
        self._held = ""
        self.stopped = False

    def feed(self, piece: bytes, *, final: bool = False) -> str:
        """Return the text that is certain after these bytes. Once a stop string is met, `stopped` is set.

        `final` says that no bytes follow.
        """
        if not self._stop:
            return self._decode(piece, final)
        if self.stopped:
            return ""
        text = self._held + self._decode(piece, final)
        starts = [start for start in (text.find(stop) for stop in self._stop) if start >= 0]
        if starts:
            self.stopped, self._held = True, ""
            return text[: min(starts)]
        keep = 0 if final else max((overlap(text, stop) for stop in self._stop), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]


def overlap(text: str, stop: str) -> int:
    """Return the length of the longest end of `text` that `stop` begins with."""
    return next((size for size in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:size])), 0)
