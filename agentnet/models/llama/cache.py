"""The KV cache: token sequences, of which idle ones keep prefixes for later requests.

Where the tokens lie, and what a sequence costs, is the matter of its `Cells`: in one pool, sequences share the cells of
their common prefixes; in rows, they copy them. The bookkeeping mirrors llama.cpp's: it tells in advance whether a step
fits, because a step that does not fit fails for all requests in it.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from agentnet.models.llama import backend
from agentnet.models.llama.cells import CachedSequence, CellRows, Cells
from agentnet.models.llama.host_cache import SHORTEST, HostCache
from agentnet.models.llama.prefix import WORTH, common_prefix

KEPT_STEPS = 32
"""Steps for which an idle sequence is kept in a pool."""
SCATTERED_STEPS = 2
"""Steps that the same sequences decode in rows that are no neighbours before they are moved together."""


class Cache:
    """The sequences of one llama.cpp context. Live sequences belong to requests. Idle ones keep a prefix for later
    requests, and are evicted when their cells or numbers are needed, the least recently used first.

    `sequences` is how many sequence numbers there are. `forks` says whether a sequence can be copied and cut (recurrent
    models cannot do it), `window` how far back a layer with a sliding window sees (0: there is none), and `reuse`
    whether sequences are kept after their requests at all.
    """

    def __init__(
        self,
        memory: Any,
        cells: Cells,
        *,
        sequences: int,
        forks: bool,
        window: int,
        reuse: bool,
        host_cache: HostCache | None,
    ) -> None:
        self._llama = backend.library()
        self._memory, self._cells, self._reuse, self._host_cache = memory, cells, reuse, host_cache
        self.forks, self._window = forks, window
        self._sequences = sequences
        self.evicted = 0
        self._step = 0
        self._empty()

    def _empty(self) -> None:
        self._cells.clear()
        self._ids = list(range(self._sequences))
        """Sequence numbers that are free, as a heap."""
        self._live: dict[int, CachedSequence] = {}
        self._idle: dict[int, CachedSequence] = {}
        self._scattered: tuple[list[int], int] = ([], 0)
        """The rows of the last step if they were no neighbours, and the number of steps with just these."""

    def clear(self) -> None:
        """Forget everything, whatever state llama.cpp is in. Every `CachedSequence` becomes invalid."""
        self._llama.llama_memory_clear(self._memory, False)
        self._empty()

    @property
    def shares(self) -> bool:
        """Whether the prefix of a live sequence can be shared with another one."""
        return self._reuse and self.forks

    @property
    def pooled(self) -> bool:
        """Whether all sequences use one pool of cells, so that a token may belong to several of them."""
        return self._cells.pooled

    @property
    def available(self) -> int:
        """Cells that are free now, or would be after the eviction of every idle sequence."""
        return self._cells.available

    @property
    def free(self) -> int:
        """Cells without a token."""
        return self._cells.free

    def known(self, tokens: Sequence[int], limit: int) -> int:
        """Return how many of the first `limit` tokens `open` would find in the KV cache or the host cache."""
        return max(self._longest_match(tokens, limit)[1], self._swapped_out(tokens, limit)[1])

    def cells_needed(self, tokens: Sequence[int], limit: int) -> int:
        """Return how many of the `available` cells a sequence of these tokens would take, if `open` were called now."""
        source, length = self._longest_match(tokens, limit)
        if self._swapped_out(tokens, limit)[1] >= length + WORTH:
            return self._cells.needed(len(tokens), None, 0, live=False)  # what is swapped in gets cells of its own
        live = source is not None and source.id in self._live
        return self._cells.needed(len(tokens), source, length, live=live)

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
        copied = source is not None and self._cells.copy(source, sequence, length)
        # The source becomes the most recently used, unless only a chat template's first words were taken from it.
        if copied and source is not None and source.id in self._idle and 2 * length >= len(source.tokens):
            self._idle[source.id] = self._idle.pop(source.id)
            source.idle_since = self._step
        return sequence

    def fork(self, source: CachedSequence) -> CachedSequence | None:
        """Return a live copy of a live sequence; None while live sequences have all the numbers."""
        sequence = self._new(keep=None)
        if sequence is None or self._cells.copy(source, sequence, len(source.tokens)):
            return sequence
        self._give_back(sequence)
        return None

    def make_room(self, cells: int) -> bool:
        """Evict idle sequences until that many cells are free. Returns whether they are."""
        if cells > self.available:
            return False
        while self._cells.free < cells and self._idle:
            self._evict(next(iter(self._idle)))
        return self._cells.free >= cells

    def expire(self, step: int) -> None:
        """Evict idle sequences that were not used for `KEPT_STEPS` steps; `step` is the number of steps so far.

        Attention reads every cell of a pool, also those that it masks: a pool full of idle sequences slows every step
        by a tenth and more.
        """
        self._step = step
        if not self._cells.pooled:
            return
        while self._idle and (sequence := next(iter(self._idle.values()))).idle_since < step - KEPT_STEPS:
            self._evict(sequence.id)

    def extend(self, sequence: CachedSequence, tokens: Sequence[int]) -> None:
        """Note that tokens were decoded at the end of a live sequence. `make_room` must have made room for them."""
        self.extend_shared((sequence,), tokens)

    def extend_one(self, sequence: CachedSequence, token: int) -> None:
        """`extend` by one token, as every step does for every request that decodes."""
        self._cells.append_one(sequence, token)

    def extend_shared(self, sequences: Iterable[CachedSequence], tokens: Sequence[int]) -> None:
        """`extend` by tokens that were decoded once for several live sequences, which only a pool can do."""
        self._cells.append(sequences, tokens)

    def trim(self, sequence: CachedSequence, length: int) -> bool:
        """Cut a sequence to its first tokens. Returns False, and changes nothing, where the model cannot do that."""
        if length < len(sequence.tokens):
            if not self._can_end(sequence, length) or not self._llama.llama_memory_seq_rm(
                self._memory, sequence.id, length, -1
            ):
                return False
            self._cells.cut(sequence, length, live=sequence.id in self._live)
        return True

    def gather(self, sequences: Sequence[CachedSequence]) -> None:
        """Bring sequences that decode together for more than a step into neighbouring rows; a pool stays as it is.

        llama.cpp evaluates each run of neighbours by itself, and builds the graph of the computation again for each.
        """
        if not isinstance(self._cells, CellRows) or len(sequences) < 2:
            return
        rows = sorted(sequence.id for sequence in sequences)
        if rows[-1] - rows[0] < len(rows):
            self._scattered = [], 0
            return
        steps = self._scattered[1] + 1 if self._scattered[0] == rows else 1
        self._scattered = rows, steps
        if steps < SCATTERED_STEPS:
            return
        first = _best_window(rows, self._sequences)
        window = range(first, first + len(rows))
        vacant = iter(sorted(set(window) - set(rows)))
        for sequence in sequences:
            if sequence.id not in window:
                self._exchange(self._cells, sequence, next(vacant))

    def _exchange(self, cells: CellRows, sequence: CachedSequence, row: int) -> None:
        before, other = sequence.id, self._live.get(row) or self._idle.get(row)
        cells.exchange(sequence, row, other)
        if other is None:
            self._ids = [before if id == row else id for id in self._ids]
            heapq.heapify(self._ids)
        self._live = {held.id: held for held in self._live.values()}
        self._idle = {held.id: held for held in self._idle.values()}

    def filler(self, ids: Collection[int]) -> tuple[int, int] | None:
        """Return the number and the position of a token of padding beside one token of each of these sequences.

        It must be removed after the step. None where there is no room for it.
        """
        if not isinstance(self._cells, CellRows):
            return (self._sequences, 0) if self._cells.free > len(ids) else None
        row = max(ids) + 1
        if row - min(ids) != len(ids) or row == self._sequences:
            return None
        held = self._live.get(row) or self._idle.get(row)
        position = len(held.tokens) if held is not None else 0
        return (row, position) if position < self._cells.size else None

    def close(self, sequence: CachedSequence) -> None:
        """Make a live sequence idle; drop it where nothing is reused."""
        del self._live[sequence.id]
        self._cells.unpin(sequence)
        if self._reuse and sequence.tokens:
            sequence.idle_since = self._step
            self._idle[sequence.id] = sequence
        else:
            self._remove(sequence)
        self._settle()

    def drop(self, sequence: CachedSequence) -> None:
        """Remove a live sequence from the cache."""
        del self._live[sequence.id]
        self._cells.unpin(sequence)
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
        sequence = CachedSequence(heapq.heappop(self._ids))
        self._live[sequence.id] = sequence
        return sequence

    def _give_back(self, sequence: CachedSequence) -> None:
        self._llama.llama_memory_seq_rm(self._memory, sequence.id, -1, -1)
        del self._live[sequence.id]
        heapq.heappush(self._ids, sequence.id)

    def _adopt(self, sequence: CachedSequence) -> CachedSequence:
        """Make an idle sequence live."""
        self._live[sequence.id] = sequence
        self._cells.pin(sequence)
        return sequence

    def _evict(self, id: int) -> None:
        sequence = self._idle.pop(id)
        self.evicted += 1
        if self._host_cache is not None and self._unshared(sequence) >= SHORTEST:
            self._host_cache.swap_out(sequence.id, sequence.tokens)
        self._remove(sequence)

    def _unshared(self, sequence: CachedSequence) -> int:
        """Return how many tokens of a sequence no other one holds."""
        tokens, others = sequence.tokens, chain(self._live.values(), self._idle.values())
        return len(tokens) - max((common_prefix(tokens, other.tokens, len(tokens)) for other in others), default=0)

    def _remove(self, sequence: CachedSequence) -> None:
        self._llama.llama_memory_seq_rm(self._memory, sequence.id, -1, -1)
        self._cells.cut(sequence, 0, live=False)
        heapq.heappush(self._ids, sequence.id)


def _best_window(rows: Sequence[int], count: int) -> int:
    """Return where those neighbouring rows begin, as many as `rows`, that hold most of `rows`."""
    starts = [min(row, count - len(rows)) for row in rows]
    return max(starts, key=lambda start: sum(start <= row < start + len(rows) for row in rows))
