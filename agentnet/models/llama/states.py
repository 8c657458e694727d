"""States of sequences: llama.cpp's own serialisation of what the KV cache holds of one sequence."""

from __future__ import annotations

import ctypes
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from agentnet.models.llama import backend

State: TypeAlias = NDArray[np.uint8]
"""Shape (bytes,)."""


class SequenceStates:
    """Reads and writes the states of one context's sequences. Only the thread that owns the context may use it."""

    def __init__(self, context: Any) -> None:
        self._llama, self._context = backend.library(), context

    def size(self, sequence: int) -> int:
        """Return the bytes of a sequence's state."""
        return int(self._llama.llama_state_seq_get_size(self._context, sequence))

    def read(self, sequence: int) -> State | None:
        """Return the state of a sequence; None where llama.cpp cannot give it."""
        state = np.empty(self.size(sequence), np.uint8)
        written = self._llama.llama_state_seq_get_data(self._context, _pointer(state), len(state), sequence)
        return state if 0 < written == len(state) else None

    def write(self, state: State, sequence: int) -> bool:
        """Copy a state into an empty sequence. Returns False where llama.cpp cannot take it; it stays empty then."""
        return bool(self._llama.llama_state_seq_set_data(self._context, _pointer(state), len(state), sequence))


def _pointer(state: State) -> Any:
    return state.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))
