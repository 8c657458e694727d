"""The two layouts of the KV cache: one pool of cells that sequences share, and a row of cells for each sequence.

In one pool, a prefix that several sequences have in common lies in memory once, and a fork costs nothing. But attention
goes through all cells in use for every token of a step, and skips those of other sequences one by one: with many
sequences that have little in common, that is a quarter of a step. In rows, attention sees only the sequence's own
cells; a fork copies them, and each sequence has room for a whole context, used or not.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentnet.models.llama import backend
from agentnet.models.llama.states import SequenceStates, State


@dataclass(slots=True, eq=False)
class CachedSequence:
    """A sequence in the KV cache: its tokens and, in one pool, the cell of each."""

    id: int
    """llama.cpp's number of the sequence."""
    tokens: list[int] = field(default_factory=list)
    cells: list[int] = field(default_factory=list)
    idle_since: int = 0
    """The number of steps when the sequence was last used."""


class Cells(ABC):
    """The books of a layout. They mirror llama.cpp's, to tell in advance whether a step fits."""

    pooled: bool
    """Whether all sequences use one pool: then a token may belong to several, and idle sequences slow the others."""

    @abstractmethod
    def clear(self) -> None:
        """Note that llama.cpp's cache was emptied."""

    @property
    @abstractmethod
    def available(self) -> int:
        """Cells that no live sequence needs."""

    @property
    @abstractmethod
    def free(self) -> int:
        """Cells without a token."""

    @abstractmethod
    def needed(self, count: int, source: CachedSequence | None, length: int, *, live: bool) -> int:
        """Return how many of the `available` cells `count` tokens take, the first `length` of them from a source."""

    @abstractmethod
    def copy(self, source: CachedSequence, target: CachedSequence, length: int) -> bool:
        """Give an empty live sequence the first tokens of another one. Returns False where llama.cpp cannot."""

    @abstractmethod
    def append(self, sequences: Iterable[CachedSequence], tokens: Sequence[int]) -> None:
        """Note tokens that were decoded once, for all of these live sequences."""

    @abstractmethod
    def append_one(self, sequence: CachedSequence, token: int) -> None:
        """Note one token of one live sequence, as every step does for every request that decodes."""

    @abstractmethod
    def cut(self, sequence: CachedSequence, length: int, *, live: bool) -> None:
        """Note that a sequence was cut to its first tokens."""

    @abstractmethod
    def pin(self, sequence: CachedSequence) -> None:
        """Note that an idle sequence became live."""

    @abstractmethod
    def unpin(self, sequence: CachedSequence) -> None:
        """Note that a live sequence became idle."""


class PooledCells(Cells):
    """One pool of `size` cells. A cell may belong to several sequences, which together form a tree of prefixes."""

    pooled = True

    def __init__(self, memory: Any, size: int) -> None:
        self._llama, self._memory, self._size = backend.library(), memory, size
        self.clear()

    def clear(self) -> None:
        self._free = list(range(self._size))
        self._owners = [0] * self._size
        """Of each cell, how many sequences share it."""
        self._pins = [0] * self._size
        """Of each cell, how many live sequences share it."""
        self._pinned = 0
        """Cells that live sequences hold."""

    @property
    def available(self) -> int:
        return self._size - self._pinned

    @property
    def free(self) -> int:
        return len(self._free)

    def needed(self, count: int, source: CachedSequence | None, length: int, *, live: bool) -> int:
        if source is None or live:
            return count - length
        # The cells that an idle sequence shares with live ones are those of a prefix.
        return count - bisect_left(source.cells, True, hi=length, key=lambda cell: not self._pins[cell])

    def copy(self, source: CachedSequence, target: CachedSequence, length: int) -> bool:
        last = -1 if length == len(source.tokens) else length  # a recurrent state is copied as a whole
        self._llama.llama_memory_seq_cp(self._memory, source.id, target.id, -1, last)
        self._own(target, source.tokens[:length], source.cells[:length])
        return True

    def append(self, sequences: Iterable[CachedSequence], tokens: Sequence[int]) -> None:
        left = len(self._free) - len(tokens)
        cells = self._free[left:]
        del self._free[left:]
        for sequence in sequences:
            self._own(sequence, tokens, cells)

    def append_one(self, sequence: CachedSequence, token: int) -> None:
        cell = self._free.pop()
        sequence.tokens.append(token)
        sequence.cells.append(cell)
        self._owners[cell] = self._pins[cell] = 1
        self._pinned += 1

    def cut(self, sequence: CachedSequence, length: int, *, live: bool) -> None:
        cells = sequence.cells[length:]
        if live:
            self._unpin(cells)
        for cell in cells:
            self._owners[cell] -= 1
            if not self._owners[cell]:
                self._free.append(cell)
        del sequence.tokens[length:], sequence.cells[length:]

    def pin(self, sequence: CachedSequence) -> None:
        self._pin(sequence.cells)

    def unpin(self, sequence: CachedSequence) -> None:
        self._unpin(sequence.cells)

    def _own(self, sequence: CachedSequence, tokens: Sequence[int], cells: Sequence[int]) -> None:
        sequence.tokens.extend(tokens)
        sequence.cells.extend(cells)
        for cell in cells:
            self._owners[cell] += 1
        self._pin(cells)

    def _pin(self, cells: Sequence[int]) -> None:
        for cell in cells:
            if not self._pins[cell]:
                self._pinned += 1
            self._pins[cell] += 1

    def _unpin(self, cells: Sequence[int]) -> None:
        for cell in cells:
            self._pins[cell] -= 1
            if not self._pins[cell]:
                self._pinned -= 1


class CellRows(Cells):
    """A row of `size` cells for each of `rows` sequences: llama.cpp's streams. A row has room for a whole context, so
    a sequence that has its row needs nothing else."""

    pooled = False

    def __init__(self, memory: Any, states: SequenceStates, *, rows: int, size: int) -> None:
        self._llama, self._memory, self._states = backend.library(), memory, states
        self.rows, self.size = rows, size
        self._copied: tuple[CachedSequence, State] | None = None
        """The sequence that was copied last, and its state: the agents of a team often start from the same prefix."""

    def clear(self) -> None:
        self._copied = None

    @property
    def available(self) -> int:
        return self.rows * self.size

    @property
    def free(self) -> int:
        return self.rows * self.size

    def needed(self, count: int, source: CachedSequence | None, length: int, *, live: bool) -> int:
        return 0

    def copy(self, source: CachedSequence, target: CachedSequence, length: int) -> bool:
        if self._copied is None or self._copied[0] is not source:
            if (state := self._states.read(source.id)) is None:
                return False
            self._copied = source, state
        if not self._states.write(self._copied[1], target.id):
            return False
        if length < len(source.tokens):
            self._llama.llama_memory_seq_rm(self._memory, target.id, length, -1)
        target.tokens.extend(source.tokens[:length])
        return True

    def append(self, sequences: Iterable[CachedSequence], tokens: Sequence[int]) -> None:
        self._copied = None
        for sequence in sequences:
            sequence.tokens.extend(tokens)

    def append_one(self, sequence: CachedSequence, token: int) -> None:
        self._copied = None
        sequence.tokens.append(token)

    def cut(self, sequence: CachedSequence, length: int, *, live: bool) -> None:
        self._copied = None
        del sequence.tokens[length:]

    def pin(self, sequence: CachedSequence) -> None:
        """Nothing changes: a row belongs to its sequence, live or idle."""

    def unpin(self, sequence: CachedSequence) -> None:
        """As `pin`."""

    def exchange(self, sequence: CachedSequence, row: int, other: CachedSequence | None) -> None:
        """Let a sequence change rows with another one, or with an empty row.

        A sequence whose tokens llama.cpp cannot move has none afterwards.
        """
        self._copied = None
        moved = [(sequence, row), *([(other, sequence.id)] if other is not None else [])]
        states = [self._states.read(held.id) if held.tokens else None for held, _ in moved]
        for held, _ in moved:
            self._llama.llama_memory_seq_rm(self._memory, held.id, -1, -1)
        for (held, target), state in zip(moved, states, strict=True):
            held.id = target
            if state is None or not self._states.write(state, target):
                held.tokens.clear()
