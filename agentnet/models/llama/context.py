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
        self.steps = 0
        self.seconds = 0.0
        """Spent inside llama.cpp's decoding."""

    def decode(self) -> Any:
        """Decode the batch. Returns the logits that were asked for: a view of shape (rows, vocabulary), in the order
        of the batch, valid until the next step. Raises `DecodeFailed`; the batch is empty afterwards in any case."""
        started = time.perf_counter()
        backend.forget_errors()
        rows = self.batch.rows
        try:
            status = self._llama.llama_decode(self.pointer, self.batch.pointer())
        finally:
            self.batch.clear()
        if status != 0:
            raise DecodeFailed(f"{self.name}: llama.cpp could not decode (status {status}): {backend.last_error()}")
        if not rows:
            self._llama.llama_synchronize(self.pointer)
            logits = np.empty((0, self._vocabulary_size), np.float32)
        else:
            address = ctypes.cast(self._llama.llama_get_logits(self.pointer), ctypes.c_void_p).value
            array = (ctypes.c_float * (rows * self._vocabulary_size)).from_address(address or 0)
            logits = np.ctypeslib.as_array(array).reshape(rows, self._vocabulary_size)
        self.steps += 1
        self.seconds += time.perf_counter() - started
        return logits

    def set_threads(self, threads: int) -> None:
        """Use that many threads from the next step on."""
        self._llama.llama_set_n_threads(self.pointer, threads, threads)
