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
from agentnet.models.llama.loading import Loaded
from agentnet.models.llama.parking import Parking


class DecodeFailed(ModelError):
    """llama.cpp could not decode a step; the state of the cache is unknown."""


class Context:
    """What an engine's thread works with. `name` is used in errors."""

    def __init__(self, name: str, loaded: Loaded, *, vocabulary_size: int, reuse: bool, parked_bytes: int) -> None:
        self.name, self.pointer = name, loaded.context
        self.size = loaded.size
        self.batch = Batch(loaded.batch, loaded.sequences)
        self.parking = Parking(loaded.context, parked_bytes) if reuse and parked_bytes else None
        self._llama = backend.library()
        self.cache = Cache(
            loaded.memory,
            cells=loaded.cells,
            sequences=loaded.sequences,
            forks=loaded.forks,
            window=int(self._llama.llama_model_n_swa(loaded.model)),
            reuse=reuse,
            parking=self.parking,
        )
        self._vocabulary_size = vocabulary_size
        self._seen = 0
        self._view = self._no_logits = np.empty((0, vocabulary_size), np.float32)
        self.steps = 0
        self.seconds = 0.0
        """Spent inside llama.cpp."""

    def decode(self) -> Any:
        """Decode the batch. Returns the logits that were asked for: a view of shape (rows, vocabulary), in the order
        of the batch, valid until the next step. Raises `DecodeFailed`; the batch is empty afterwards in any case."""
        rows, batch = self.batch.rows, self.batch.pointer()
        backend.forget_errors()
        started = time.perf_counter()
        status = self._llama.llama_decode(self.pointer, batch)
        logits = self._llama.llama_get_logits(self.pointer) if rows and status == 0 else None
        self.seconds += time.perf_counter() - started
        self.steps += 1
        self.batch.clear()
        if status != 0:
            raise DecodeFailed(f"{self.name}: llama.cpp could not decode (status {status}): {backend.last_error()}")
        return self._rows(logits, rows) if logits else self._no_logits

    def _rows(self, logits: Any, rows: int) -> Any:
        """The logits as an array. llama.cpp keeps them in one place, so the view is made once."""
        address = ctypes.addressof(logits.contents)
        if address != self._seen or rows > len(self._view):
            array = (ctypes.c_float * (rows * self._vocabulary_size)).from_address(address)
            self._seen = address
            self._view = np.ctypeslib.as_array(array).reshape(rows, self._vocabulary_size)
        return self._view[:rows]

    def set_threads(self, threads: int) -> None:
        """Use that many threads from the next step on."""
        self._llama.llama_set_n_threads(self.pointer, threads, threads)
