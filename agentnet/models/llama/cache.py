"""What the KV cache holds: token sequences that share the cells of their common beginnings.

llama.cpp lets several sequences own one cell, so a fork costs no memory and no arithmetic until the two differ.
Together the sequences form a tree of prefixes. The bookkeeping here mirrors llama.cpp's, so that it is known beforehand
whether a step fits: a decode that does not would fail for everybody in it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentnet.models.llama import backend
from agentnet.models.llama.parking import SHORTEST, Parking
from agentnet.models.llama.prefix import WORTH, common_prefix

KEPT_STEPS = 32
"""Steps for which an idle sequence is kept in the cache."""


@dataclass(slots=True, eq=False)
class Held:
    """A sequence in the cache: its number, the tokens it holds, and the cells they lie in."""

    id: int
    tokens: list[int] = field(default_factory=list)
    cells: list[int] = field(default_factory=list)
    idle_since: int = 0
    """The step after which it was used last."""


class Cache:
    """The sequences of one llama.cpp context. Live ones belong to requests; idle ones keep a prefix until it is
    needed again or its place is (least recently used first).

    `cells` is the size of the pool, `sequences` how many ids there are, `forks` whether a sequence can be copied and
    cut in part (recurrent models can not), `window` how far back a layer with a sliding window sees (0: there is
    none), `reuse` whether anything is kept after a request at all.
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
        parking: Parking | None,
    ) -> None:
        self._llama = backend.library()
        self._memory, self._reuse, self._parking = memory, reuse, parking
        self.forks, self._window = forks, window
        self._size, self._sequences = cells, sequences
        self.evicted = 0
        self._step = 0
        self._empty()

    def _empty(self) -> None:
        self._free = list(range(self._size))
        self._owners = [0] * self._size
        self._pins = [0] * self._size
        self._pinned = 0
        self._ids = list(range(self._sequences))
        self._live: dict[int, Held] = {}
        self._idle: dict[int, Held] = {}

    def clear(self) -> None:
        """Forget everything, whatever state llama.cpp is in. What is held becomes invalid."""
        self._llama.llama_memory_clear(self._memory, False)
        self._empty()

    @property
    def shares(self) -> bool:
        """Whether a live sequence can lend its beginning to another."""
        return self._reuse and self.forks

    @property
    def available(self) -> int:
        """Cells that are free, or would be if every idle sequence were evicted."""
        return self._size - self._pinned

    @property
    def free(self) -> int:
        """Cells that nothing lies in."""
        return len(self._free)

    def reach(self, tokens: Sequence[int], limit: int) -> int:
        """How many of the first `limit` tokens `open` would find in the cache or parked."""
        return max(self._best(tokens, limit)[1], self._parked(tokens, limit)[1])

    def claim(self, tokens: Sequence[int], limit: int) -> int:
        """How many of the available cells a sequence of these tokens would take."""
        source, length = self._best(tokens, limit)
        if self._parked(tokens, limit)[1] >= length + WORTH:
            return len(tokens)  # what was parked comes back into cells of its own
        if source is None or source.id in self._live:
            return len(tokens) - length
        # What a live sequence shares with an idle one is a beginning of it.
        return len(tokens) - bisect_left(source.cells, True, hi=length, key=lambda cell: not self._pins[cell])

    def open(self, tokens: Sequence[int], limit: int) -> Held | None:
        """A live sequence that holds as much of the beginning of `tokens` as is known, at most `limit` of them.

        None while all sequence numbers are taken by live ones.
        """
        source, length = self._best(tokens, limit)
        parked, restored = self._parked(tokens, limit)
        if parked is not None and restored >= length + WORTH:
            if (held := self._restore(parked, restored)) is not None:
                return held
            source, length = self._best(tokens, limit)  # the first choice may have had to make room
        if source is not None and source.id in self._idle and len(source.tokens) == length:
            del self._idle[source.id]
            return self._adopt(source)
        held = self._new(keep=source)
        if held is None:
            if source is None or source.id not in self._idle:
                return None
            del self._idle[source.id]
            self.trim(source, length)
            return self._adopt(source)
        if source is not None and length:
            self._llama.llama_memory_seq_cp(self._memory, source.id, held.id, 0, length)
            self._own(held, source.tokens[:length], source.cells[:length])
            # Used just now, and so the last to be evicted; but a template's first words alone are no use of it.
            if source.id in self._idle and 2 * length >= len(source.tokens):
                self._idle[source.id] = self._idle.pop(source.id)
                source.idle_since = self._step
        return held

    def fork(self, source: Held) -> Held | None:
        """A live copy of a live sequence; None while no sequence number can be had."""
        held = self._new(keep=None)
        if held is not None:
            self._llama.llama_memory_seq_cp(self._memory, source.id, held.id, -1, -1)
            self._own(held, source.tokens, source.cells)
        return held

    def make_room(self, cells: int) -> bool:
        """Evict idle sequences until that many cells are free; whether they are."""
        if cells > self.available:
            return False
        while len(self._free) < cells and self._idle:
            self._evict(next(iter(self._idle)))
        return len(self._free) >= cells

    def expire(self, step: int) -> None:
        """Evict what was not used for so long that it costs more than it saves; `step` is the number of steps so far.

        Attention goes over every cell, also over those that it then masks: a cache full of idle sequences slows every
        step by a tenth and more.
        """
        self._step = step
        while self._idle and (held := next(iter(self._idle.values()))).idle_since < step - KEPT_STEPS:
            self._evict(held.id)

    def extend(self, held: Held, tokens: Sequence[int]) -> None:
        """Note that tokens were decoded behind what a live sequence holds. `make_room` must have made room for them."""
        self.extend_shared((held,), tokens)

    def extend_one(self, held: Held, token: int) -> None:
        """`extend` by one token: every step does it for every request that writes."""
        cell = self._free.pop()
        held.tokens.append(token)
        held.cells.append(cell)
        self._owners[cell] = self._pins[cell] = 1
        self._pinned += 1

    def extend_shared(self, sequences: Iterable[Held], tokens: Sequence[int]) -> None:
        """The same for tokens that were decoded once for several live sequences."""
        left = len(self._free) - len(tokens)
        cells = self._free[left:]
        del self._free[left:]
        for held in sequences:
            self._own(held, tokens, cells)

    def trim(self, held: Held, length: int) -> bool:
        """Cut a sequence down to its first tokens; False where the model cannot do that, and nothing is changed."""
        if length < len(held.tokens):
            if not self._can_end(held, length) or not self._llama.llama_memory_seq_rm(
                self._memory, held.id, length, -1
            ):
                return False
            self._disown(held.cells[length:], live=held.id in self._live)
            del held.tokens[length:], held.cells[length:]
        return True

    def close(self, held: Held) -> None:
        """End a live sequence: it is kept as long as there is room, or given up where nothing is reused."""
        del self._live[held.id]
        self._unpin(held.cells)
        if self._reuse and held.tokens:
            held.idle_since = self._step
            self._idle[held.id] = held
        else:
            self._remove(held)
        self._settle()

    def drop(self, held: Held) -> None:
        """End a live sequence and keep nothing of it."""
        del self._live[held.id]
        self._unpin(held.cells)
        self._remove(held)
        self._settle()

    def _settle(self) -> None:
        """Start afresh where nothing is held: the next request finds the very state that the first one found."""
        if not self._live and not self._idle:
            self._llama.llama_memory_clear(self._memory, False)

    def _best(self, tokens: Sequence[int], limit: int) -> tuple[Held | None, int]:
        """The sequence that shares the longest beginning with some tokens, and how long that is."""
        best, length = None, 0
        for held in self._sources():
            common = common_prefix(held.tokens, tokens, limit)
            if common > length and self._can_end(held, common):
                best, length = held, common
        return best, length

    def _can_end(self, held: Held, length: int) -> bool:
        """Whether the first tokens of a sequence are of use without the others."""
        if length == len(held.tokens):
            return True
        if not self.forks:
            return False  # a recurrent state cannot go back
        # Cells that a sliding window has passed are given to others; what would see them again cannot go back either.
        earliest = self._llama.llama_memory_seq_pos_min(self._memory, held.id) if self._window else 0
        return bool(earliest <= max(0, length - self._window))

    def _sources(self) -> Iterator[Held]:
        if self._reuse:
            yield from self._idle.values()
            if self.forks:
                yield from self._live.values()

    def _parked(self, tokens: Sequence[int], limit: int) -> tuple[tuple[int, ...] | None, int]:
        if self._parking is None:
            return None, 0
        # A parked state holds of a sliding window only the last one.
        return self._parking.best(tokens, limit, whole=not self.forks or self._window > 0)

    def _restore(self, parked: tuple[int, ...], length: int) -> Held | None:
        if len(parked) > self.available or not (self._ids or self._idle):
            return None
        assert self._parking is not None
        state = self._parking.take(parked)  # first: what is evicted now may be parked in its place
        self.make_room(len(parked))
        held = self._new(keep=None)
        assert held is not None
        if not self._parking.restore(state, held.id):
            self._give_back(held)
            return None
        self.extend(held, parked)
        self.trim(held, length)
        return held

    def _new(self, keep: Held | None) -> Held | None:
        """An empty live sequence; evicts the oldest idle one other than `keep` if there is no number left."""
        if not self._ids:
            oldest = next((held for held in self._idle.values() if held is not keep), None)
            if oldest is None:
                return None
            self._evict(oldest.id)
        held = Held(self._ids.pop())
        self._live[held.id] = held
        return held

    def _give_back(self, held: Held) -> None:
        self._llama.llama_memory_seq_rm(self._memory, held.id, -1, -1)
        del self._live[held.id]
        self._ids.append(held.id)

    def _adopt(self, held: Held) -> Held:
        """Make an idle sequence live."""
        self._live[held.id] = held
        self._pin(held.cells)
        return held

    def _evict(self, id: int) -> None:
        held = self._idle.pop(id)
        self.evicted += 1
        if self._parking is not None and self._alone(held) >= SHORTEST:
            self._parking.park(held.id, held.tokens)
        self._remove(held)

    def _alone(self, held: Held) -> int:
        """How many tokens of a sequence no other one holds."""
        return sum(self._owners[cell] == 1 for cell in held.cells)

    def _remove(self, held: Held) -> None:
        self._llama.llama_memory_seq_rm(self._memory, held.id, -1, -1)
        self._disown(held.cells, live=False)
        self._ids.append(held.id)

    def _own(self, held: Held, tokens: Sequence[int], cells: Sequence[int]) -> None:
        held.tokens.extend(tokens)
        held.cells.extend(cells)
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
