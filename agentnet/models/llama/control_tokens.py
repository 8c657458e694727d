"""The control tokens of a vocabulary, and where words in a prompt would be read as one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from agentnet.models.control_names import is_known
from agentnet.models.llama import backend
from agentnet.models.llama.vocabulary import Vocabulary

UNKNOWN, CONTROL, USER_DEFINED = 1, 8, 16
"""llama.cpp's token attributes whose tokens it looks for by name before it tokenises the text between them."""

Span = tuple[int, int]
"""A part of a text: its start and its end."""


class ControlTokens:
    """The names by which llama.cpp finds a vocabulary's control tokens in a text.

    A token that a file defines beside its control tokens (`USER_DEFINED`) is found even where control tokens are not
    asked for. It counts if a chat template uses it, or if its name has the form of a control token: files list runs of
    spaces, letters and HTML tags in the same way, and these are words.
    """

    def __init__(self, vocabulary: Vocabulary, template: str) -> None:
        """Read the names from a vocabulary: some 30 ms for 100,000 tokens. `template` is the chat template's source."""
        self.names = frozenset(_names(vocabulary, template))
        self._lengths: dict[str, list[int]] = defaultdict(list)
        """The first two characters of names → the lengths of those names."""
        for start, length in sorted({(name[:2], len(name)) for name in self.names}):
            self._lengths[start].append(length)
        self.starts = frozenset(start[0] for start in self._lengths)
        """The characters that names begin with."""
        self._longest = max(map(len, self.names), default=0)

    def cuts(self, text: str, words: Iterable[Span]) -> list[int]:
        """Return where to cut a text so that no name is left in it that holds a character of `words`, in order.

        Every cut is inside or at the edge of words, so names outside of them stay whole.
        """
        cuts: set[int] = set()
        for start, end in words:
            for beginning, lengths in self._lengths.items():
                at = text.find(beginning, max(0, start - self._longest + 1), end + 1)
                while at >= 0:
                    for length in lengths:
                        if at < end and at + length > start and text[at : at + length] in self.names:
                            cuts.update(_through(at, length, start))
                    at = text.find(beginning, at + 1, end + 1)
        return sorted(cuts)


def _names(vocabulary: Vocabulary, template: str) -> Iterable[str]:
    llama = backend.library()
    for token in range(vocabulary.size):
        attributes = llama.llama_vocab_get_attr(vocabulary.pointer, token)
        if attributes & (UNKNOWN | CONTROL | USER_DEFINED):
            name = llama.llama_vocab_get_text(vocabulary.pointer, token).decode(errors="replace")
            structural = attributes & (UNKNOWN | CONTROL) or (len(name) > 1 and (is_known(name) or name in template))
            if name and structural:
                yield name


def _through(at: int, length: int, start: int) -> Sequence[int]:
    """Return the cuts through a name, if possible between two characters of the words, which begin at `start`."""
    if length == 1:
        return at, at + 1
    if at >= start:
        return (at + 1,)
    return (start + 1,) if at + length > start + 1 else (start,)
