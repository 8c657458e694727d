"""One llama.cpp context: a batch, a KV cache, and the call that decodes. Only its owner thread may use it."""

from __future__ import annotations

import ctypes
import time
from typing import Any

import numpy as np

from agentnet.errors import ModelError
from agentnet.models.llama import backend
from agentnet.models.llama.batch import Batch
from agentnet.models.llama.cache import Cache
from agentnet.models.llama.cells import CellRows, PooledCells
from agentnet.models.llama.host_cache import HostCache
from agentnet.models.llama.loading import Loaded
from agentnet.models.llama.states import SequenceStates

AT_ONCE = 4
"""Weights that llama.cpp has repacked for the CPU are multiplied with this many tokens at once, and with the rest of a
step one by one (ggml-cpu/repack.cpp, `forward_mul_mat_one_chunk`): three tokens take longer than four."""


class DecodeFailed(ModelError):
    """llama.cpp could not decode a step; the state of the cache is unknown."""


class Context:
    """The batch, the KV cache and the llama.cpp context of an engine. `name` is used in errors.

    `reuse` keeps sequences after their requests, and `host_cache_bytes` bounds the RAM for those that have to leave the
    KV cache (0: none).
    """

    def __init__(self, name: str, loaded: Loaded, *, vocabulary_size: int, reuse: bool, host_cache_bytes: int) -> None:
        self.name, self.pointer = name, loaded.context
        self.size = loaded.size
        self.batch = Batch(loaded.batch, loaded.sequences)
        states = SequenceStates(loaded.context)
        self.host_cache = HostCache(states, host_cache_bytes) if reuse and host_cache_bytes else None
        self._llama, self._memory = backend.library(), loaded.memory
        self.cache = Cache(
            loaded.memory,
            CellRows(loaded.memory, states, rows=loaded.sequences, size=loaded.row)
            if loaded.row
            else PooledCells(loaded.memory, loaded.cells),
            sequences=loaded.sequences,
            forks=loaded.forks,
            window=int(self._llama.llama_model_n_swa(loaded.model)),
            reuse=reuse,
            host_cache=self.host_cache,
        )
        self.fills_up = loaded.repacked and loaded.forks
        """Whether a step that lacks one token of a multiple of `AT_ONCE` is padded with a token whose logits no job
        reads."""
        self._filler: tuple[int, int] | None = None
        """Sequence and position of the padding."""
        self.filled = 0
        """Rows of padding at the end of the last step."""
        self._vocabulary_size = vocabulary_size
        self._seen = 0
        self._view = self._no_logits = np.empty((0, vocabulary_size), np.float32)
        self.steps = 0
        self.seconds = 0.0
        """Spent inside llama.cpp."""

    def decode(self) -> Any:
        """Decode the batch and empty it. Returns the logits that were asked for, in the order of the batch.

        They are a float32 view of shape (rows, vocabulary), valid until the next step. Raises `DecodeFailed`.
        """
        rows = self.batch.rows
        self._fill_up()
        batch = self.batch.pointer()
        backend.forget()
        started = time.perf_counter()
        status = self._llama.llama_decode(self.pointer, batch)
        logits = self._llama.llama_get_logits(self.pointer) if rows and status == 0 else None
        self.seconds += time.perf_counter() - started
        self.steps += 1
        self.batch.clear()
        if self._filler is not None:
            self._llama.llama_memory_seq_rm(self._memory, *self._filler, -1)
        if status != 0:
            raise DecodeFailed(f"{self.name}: llama.cpp could not decode (status {status}): {backend.reason()}")
        return self._rows(logits, rows) if logits else self._no_logits

    def _fill_up(self) -> None:
        lacks_one = len(self.batch) % AT_ONCE == AT_ONCE - 1
        fits = self.fills_up and lacks_one and self.batch.room > 0
        self._filler = self.cache.filler(self.batch.first_owners) if fits else None
        self.filled = int(self._filler is not None)
        if self._filler is not None:
            self.batch.add_one(*self._filler, 0)

    def _rows(self, logits: Any, rows: int) -> Any:
        """Return the logits as an array. llama.cpp keeps them at one address, so the view is made once."""
        address = ctypes.addressof(logits.contents)
        if address != self._seen or rows > len(self._view):
            array = (ctypes.c_float * (rows * self._vocabulary_size)).from_address(address)
            self._seen = address
            self._view = np.ctypeslib.as_array(array).reshape(rows, self._vocabulary_size)
        return self._view[:rows]

    def set_threads(self, threads: int) -> None:
        """Set the number of threads for the steps that follow."""
        self._llama.llama_set_n_threads(self.pointer, threads, threads)
