"""The KV cache: token sequences that share the cells of their common prefixes.

llama.cpp lets several sequences own one cell, so a fork costs no memory and no arithmetic until the two sequences
differ. Together the sequences form a tree of prefixes. The bookkeeping here mirrors llama.cpp's: it tells in advance
whether a step fits, because a step that does not fit fails for all requests in it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentnet.models.llama import backend
from agentnet.models.llama.host_cache import SHORTEST, HostCache
from agentnet.models.llama.prefix import WORTH, common_prefix

KEPT_STEPS = 32
"""Steps for which an idle sequence is kept in the cache."""


@dataclass(slots=True, eq=False)
class CachedSequence:
    """A sequence in the KV cache: its tokens, and the cell of each."""

    id: int
    """llama.cpp's number of the sequence."""
    tokens: list[int] = field(default_factory=list)
    cells: list[int] = field(default_factory=list)
    idle_since: int = 0
    """The number of steps when the sequence was last used."""


class Cache:
    """The sequences of one llama.cpp context. Live sequences belong to requests. Idle ones keep a prefix for later
    requests, and are evicted when their cells or numbers are needed, the least recently used first.

    `cells` is how many tokens the cache holds and `sequences` how many sequence numbers there are. `forks` says whether
    a sequence can be copied and cut (recurrent models cannot do it), `window` how far back a layer with a sliding
    window sees (0: there is none), and `reuse` whether sequences are kept after their requests at all.
    """

    def __init__(
        self,
        memory: Any,
        *,
        cells: int,
        sequences: int,
        forks: bool,
        window: int,
        reuse: bool,
        host_cache: HostCache | None,
    ) -> None:
        self._llama = backend.library()
        self._memory, self._reuse, self._host_cache = memory, reuse, host_cache
        self.forks, self._window = forks, window
        self._size, self._sequences = cells, sequences
        self.evicted = 0
        self._step = 0
        self._empty()

    def _empty(self) -> None:
        self._free = list(range(self._size))
        self._owners = [0] * self._size
        """Of each cell, how many sequences share it."""
        self._pins = [0] * self._size
        """Of each cell, how many live sequences share it."""
        self._pinned = 0
        """Cells that live sequences hold."""
        self._ids = list(range(self._sequences))
        """Sequence numbers that are free."""
        self._live: dict[int, CachedSequence] = {}
        self._idle: dict[int, CachedSequence] = {}

    def clear(self) -> None:
        """Forget everything, whatever state llama.cpp is in. Every `CachedSequence` becomes invalid."""
        self._llama.llama_memory_clear(self._memory, False)
        self._empty()

    @property
    def shares(self) -> bool:
        """Whether the prefix of a live sequence can be shared with another one."""
        return self._reuse and self.forks

    @property
    def available(self) -> int:
        """Cells that are free now, or would be after the eviction of every idle sequence."""
        return self._size - self._pinned

    @property
    def free(self) -> int:
        """Cells without a token."""
        return len(self._free)

    def known(self, tokens: Sequence[int], limit: int) -> int:
        """Return how many of the first `limit` tokens `open` would find in the KV cache or the host cache."""
        return max(self._longest_match(tokens, limit)[1], self._swapped_out(tokens, limit)[1])

    def cells_needed(self, tokens: Sequence[int], limit: int) -> int:
        """Return how many of the `available` cells a sequence of these tokens would take, if `open` were called now."""
        source, length = self._longest_match(tokens, limit)
        if self._swapped_out(tokens, limit)[1] >= length + WORTH:
            return len(tokens)  # a sequence that is swapped in gets cells of its own
        if source is None or source.id in self._live:
            return len(tokens) - length
        # The cells that an idle sequence shares with live ones are those of a prefix.
        return len(tokens) - bisect_left(source.cells, True, hi=length, key=lambda cell: not self._pins[cell])

    def open(self, tokens: Sequence[int], limit: int) -> CachedSequence | None:
        """Return a live sequence that holds the longest known prefix of `tokens`, at most `limit` of them.

        None while live sequences have all the numbers.
        """
        source, length = self._longest_match(tokens, limit)
        swapped_out, restored = self._swapped_out(tokens, limit)
        if swapped_out is not None and restored >= length + WORTH:
            if (sequence := self._swap_in(swapped_out, restored)) is not None:
                return sequence
            source, length = self._longest_match(tokens, limit)  # the match may have been evicted to make room
        if source is not None and source.id in self._idle and len(source.tokens) == length:
            del self._idle[source.id]
            return self._adopt(source)
        sequence = self._new(keep=source)
        if sequence is None:
            if source is None or source.id not in self._idle:
                return None
            del self._idle[source.id]
            self.trim(source, length)
            return self._adopt(source)
        if source is not None and length:
            self._llama.llama_memory_seq_cp(self._memory, source.id, sequence.id, 0, length)
            self._own(sequence, source.tokens[:length], source.cells[:length])
            # The source becomes the most recently used, unless only a chat template's first words were taken from it.
            if source.id in self._idle and 2 * length >= len(source.tokens):
                self._idle[source.id] = self._idle.pop(source.id)
                source.idle_since = self._step
        return sequence

    def fork(self, source: CachedSequence) -> CachedSequence | None:
        """Return a live copy of a live sequence; None while live sequences have all the numbers."""
        sequence = self._new(keep=None)
        if sequence is not None:
            self._llama.llama_memory_seq_cp(self._memory, source.id, sequence.id, -1, -1)
            self._own(sequence, source.tokens, source.cells)
        return sequence

    def make_room(self, cells: int) -> bool:
        """Evict idle sequences until that many cells are free. Returns whether they are."""
        if cells > self.available:
            return False
        while len(self._free) < cells and self._idle:
            self._evict(next(iter(self._idle)))
        return len(self._free) >= cells

    def expire(self, step: int) -> None:
        """Evict idle sequences that were not used for `KEPT_STEPS` steps; `step` is the number of steps so far.

        Attention reads every cell, also those that it masks: a cache full of idle sequences slows every step by a tenth
        and more.
        """
        self._step = step
        while self._idle and (sequence := next(iter(self._idle.values()))).idle_since < step - KEPT_STEPS:
            self._evict(sequence.id)

    def extend(self, sequence: CachedSequence, tokens: Sequence[int]) -> None:
        """Note that tokens were decoded at the end of a live sequence. `make_room` must have made room for them."""
        self.extend_shared((sequence,), tokens)

    def extend_one(self, sequence: CachedSequence, token: int) -> None:
        """`extend` by one token, as every step does for every request that decodes."""
        cell = self._free.pop()
        sequence.tokens.append(token)
        sequence.cells.append(cell)
        self._owners[cell] = self._pins[cell] = 1
        self._pinned += 1

    def extend_shared(self, sequences: Iterable[CachedSequence], tokens: Sequence[int]) -> None:
        """`extend` by tokens that were decoded once for several live sequences."""
        left = len(self._free) - len(tokens)
        cells = self._free[left:]
        del self._free[left:]
        for sequence in sequences:
            self._own(sequence, tokens, cells)

    def trim(self, sequence: CachedSequence, length: int) -> bool:
        """Cut a sequence to its first tokens. Returns False, and changes nothing, where the model cannot do that."""
        if length < len(sequence.tokens):
            if not self._can_end(sequence, length) or not self._llama.llama_memory_seq_rm(
                self._memory, sequence.id, length, -1
            ):
                return False
            self._disown(sequence.cells[length:], live=sequence.id in self._live)
            del sequence.tokens[length:], sequence.cells[length:]
        return True

    def close(self, sequence: CachedSequence) -> None:
        """Make a live sequence idle; drop it where nothing is reused."""
        del self._live[sequence.id]
        self._unpin(sequence.cells)
        if self._reuse and sequence.tokens:
            sequence.idle_since = self._step
            self._idle[sequence.id] = sequence
        else:
            self._remove(sequence)
        self._settle()

    def drop(self, sequence: CachedSequence) -> None:
        """Remove a live sequence from the cache."""
        del self._live[sequence.id]
        self._unpin(sequence.cells)
        self._remove(sequence)
        self._settle()

    def _settle(self) -> None:
        """Clear an empty cache, so that the next request finds exactly the state that the first one found."""
        if not self._live and not self._idle:
            self._llama.llama_memory_clear(self._memory, False)

    def _longest_match(self, tokens: Sequence[int], limit: int) -> tuple[CachedSequence | None, int]:
        """Return the sequence with the longest usable common prefix, and the length of that."""
        match, length = None, 0
        for sequence in self._sources():
            common = common_prefix(sequence.tokens, tokens, limit)
            if common > length and self._can_end(sequence, common):
                match, length = sequence, common
        return match, length

    def _can_end(self, sequence: CachedSequence, length: int) -> bool:
        """Return whether a sequence can be cut to that length."""
        if length == len(sequence.tokens):
            return True
        if not self.forks:
            return False  # a recurrent state cannot go back
        # llama.cpp reuses the cells that a sliding window has passed: a sequence cannot be cut to where it needs them.
        earliest = self._llama.llama_memory_seq_pos_min(self._memory, sequence.id) if self._window else 0
        return bool(earliest <= max(0, length - self._window))

    def _sources(self) -> Iterator[CachedSequence]:
        if self._reuse:
            yield from self._idle.values()
            if self.forks:
                yield from self._live.values()

    def _swapped_out(self, tokens: Sequence[int], limit: int) -> tuple[tuple[int, ...] | None, int]:
        if self._host_cache is None:
            return None, 0
        # Of a layer with a sliding window, a state holds only the last window.
        return self._host_cache.longest_match(tokens, limit, whole=not self.forks or self._window > 0)

    def _swap_in(self, tokens: tuple[int, ...], length: int) -> CachedSequence | None:
        if len(tokens) > self.available or not (self._ids or self._idle):
            return None
        assert self._host_cache is not None
        state = self._host_cache.take(tokens)  # first: a sequence that is evicted now may be swapped out in its place
        self.make_room(len(tokens))
        sequence = self._new(keep=None)
        assert sequence is not None
        if not self._host_cache.swap_in(state, sequence.id):
            self._give_back(sequence)
            return None
        self.extend(sequence, tokens)
        self.trim(sequence, length)
        return sequence

    def _new(self, keep: CachedSequence | None) -> CachedSequence | None:
        """Return an empty live sequence. Evicts the oldest idle one other than `keep` if all numbers are taken."""
        if not self._ids:
            oldest = next((sequence for sequence in self._idle.values() if sequence is not keep), None)
            if oldest is None:
                return None
            self._evict(oldest.id)
        sequence = CachedSequence(self._ids.pop())
        self._live[sequence.id] = sequence
        return sequence

    def _give_back(self, sequence: CachedSequence) -> None:
        self._llama.llama_memory_seq_rm(self._memory, sequence.id, -1, -1)
        del self._live[sequence.id]
        self._ids.append(sequence.id)

    def _adopt(self, sequence: CachedSequence) -> CachedSequence:
        """Make an idle sequence live."""
        self._live[sequence.id] = sequence
        self._pin(sequence.cells)
        return sequence

    def _evict(self, id: int) -> None:
        sequence = self._idle.pop(id)
        self.evicted += 1
        if self._host_cache is not None and self._unshared(sequence) >= SHORTEST:
            self._host_cache.swap_out(sequence.id, sequence.tokens)
        self._remove(sequence)

    def _unshared(self, sequence: CachedSequence) -> int:
        """Return how many tokens of a sequence no other one holds."""
        return sum(self._owners[cell] == 1 for cell in sequence.cells)

    def _remove(self, sequence: CachedSequence) -> None:
        self._llama.llama_memory_seq_rm(self._memory, sequence.id, -1, -1)
        self._disown(sequence.cells, live=False)
        self._ids.append(sequence.id)

    def _own(self, sequence: CachedSequence, tokens: Sequence[int], cells: Sequence[int]) -> None:
        sequence.tokens.extend(tokens)
        sequence.cells.extend(cells)
        for cell in cells:
            self._owners[cell] += 1
        self._pin(cells)

    def _disown(self, cells: Sequence[int], *, live: bool) -> None:
        if live:
            self._unpin(cells)
        for cell in cells:
            self._owners[cell] -= 1
            if not self._owners[cell]:
                self._free.append(cell)

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
