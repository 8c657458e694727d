"""A KV cache with a second one beside it that evaluates everything from scratch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.models.llama import backend, loading
from agentnet.models.llama.cells import CachedSequence, PooledCells
from agentnet.models.llama.context import Context
from agentnet.models.llama.ledger import Ledger as MemoryLedger
from agentnet.models.llama.prefix import common_prefix

STEMS = np.random.default_rng(5).integers(290, 350, (3, 150)).tolist()
"""Beginnings of prompts."""


class Machine:
    """A context with a ledger beside a second one that evaluates everything from scratch."""

    def __init__(
        self,
        path: Path,
        *,
        sequences: int,
        host_cache_bytes: int,
        reuse: bool,
        fills_up: bool = False,
        layout: Literal["pool", "rows"] = "pool",
    ) -> None:
        # Without rounding of keys and values, the order of evaluation hardly matters.
        spec = LlamaSpec(path="x", context=256, sequences=sequences, cache_tokens=256, batch=64, cache_layout=layout,
                         kv_type_k="f32", kv_type_v="f32", flash_attention="off")  # fmt: skip
        self.loaded = [loading.load(path, spec, memory=MemoryLedger(), threads=1) for _ in range(2)]
        size = self.loaded[0].vocabulary.size
        self.context, self.scratch = (
            Context("machine", loaded, vocabulary_size=size, reuse=reuse, host_cache_bytes=host_cache_bytes)
            for loaded in self.loaded
        )
        self.context.fills_up = fills_up and self.loaded[0].forks
        self.cache = self.context.cache
        self.live: list[CachedSequence] = []
        self.most = min(3, self.loaded[0].sequences - 1)
        self.fails_to_restore = False

    def fail_to_restore(self) -> None:
        """As llama.cpp may: its answer is that it read nothing."""
        self.fails_to_restore = True
        if self.context.host_cache is not None:
            self.context.host_cache.swap_in = lambda state, sequence: False  # type: ignore[method-assign]

    def close(self) -> None:
        for loaded in self.loaded:
            loaded.close()

    def open(self, tokens: Sequence[int]) -> CachedSequence | None:
        """What `open` gives, after a check that it holds a beginning of the tokens, as long as what is known of it."""
        limit, cache = len(tokens) - 1, self.cache
        best = max((common_prefix(held.tokens, tokens, limit) for held in self._cuttable(tokens)), default=0)
        known, needed, before = cache.known(tokens, limit), cache.cells_needed(tokens, limit), cache.available
        held = cache.open(tokens, limit)
        if held is not None:
            self.live.append(held)
            assert held.tokens == list(tokens[: len(held.tokens)])
            assert len(held.tokens) <= known
            assert best <= len(held.tokens) or self.fails_to_restore
            assert before - cache.available <= needed
        return held

    def _cuttable(self, tokens: Sequence[int]) -> Iterator[CachedSequence]:
        """The sequences that may share a prefix with some tokens."""
        cache = self.cache
        for held in (*cache._idle.values(), *(cache._live.values() if cache.shares else ())):
            if cache._can_end(held, common_prefix(held.tokens, tokens, len(tokens) - 1)):
                yield held

    def room(self, held: CachedSequence) -> int:
        """How many more tokens a sequence may get: the engine lets none grow beyond its row."""
        row = self.loaded[0].row
        return row - len(held.tokens) if row else self.cache.available

    def extend(self, held: CachedSequence, tokens: Sequence[int]) -> npt.NDArray[Any] | None:
        """The logits of the last of some tokens, decoded behind what a sequence holds; None without room."""
        if len(tokens) > self.room(held):
            return None
        assert self.cache.make_room(len(tokens))
        for first in range(0, len(tokens), self.context.batch.capacity):
            some = tokens[first : first + self.context.batch.capacity]
            logits = evaluate(self.context, held, some)
            self.cache.extend(held, some)
        return logits

    def from_scratch(self, tokens: Sequence[int]) -> npt.NDArray[Any]:
        self.scratch.cache.clear()
        return evaluate(self.scratch, CachedSequence(0), tokens)

    def check(self) -> None:
        """llama.cpp holds of each sequence what the ledger says, in as many cells."""
        llama, memory, cache = backend.library(), self.loaded[0].memory, self.cache
        known = {**cache._live, **cache._idle}
        assert cache._live.keys() == {held.id for held in self.live}
        assert not cache._live.keys() & cache._idle.keys()
        assert sorted([*cache._ids, *known]) == list(range(self.loaded[0].sequences))
        for id in range(llama.llama_n_seq_max(self.loaded[0].context)):
            length = len(known[id].tokens) if id in known else 0
            assert llama.llama_memory_seq_pos_max(memory, id) == length - 1
            if length and cache.forks and not cache._window:
                assert llama.llama_memory_seq_pos_min(memory, id) == 0
        cells = cache._cells
        if not isinstance(cells, PooledCells):
            return
        owned = {cell for held in known.values() for cell in held.cells}
        assert len(owned) + len(cells._free) == cells._size == len(owned | set(cells._free))
        pinned = {cell for held in cache._live.values() for cell in held.cells}
        assert cache.available == cells._size - len(pinned)
        assert all(len(held.cells) == len(held.tokens) == len(set(held.cells)) for held in known.values())


def evaluate(context: Context, held: CachedSequence, tokens: Sequence[int]) -> npt.NDArray[Any]:
    """The logits behind the last of some tokens."""
    start = len(held.tokens)
    for first in range(0, len(tokens), context.batch.capacity):
        some = tokens[first : first + context.batch.capacity]
        context.batch.add(held.id, start + first, some, 1)
        logits = context.decode()
    return np.array(logits[-1])


def read(machine: Machine, tokens: list[int], *, close: bool = False) -> CachedSequence:
    held = machine.open(tokens)
    assert held is not None
    logits = machine.extend(held, tokens[len(held.tokens) :])
    np.testing.assert_allclose(logits, machine.from_scratch(tokens), atol=1e-4, rtol=1e-4)
    if close:
        machine.live.remove(held)
        machine.cache.close(held)
    machine.check()
    return held
