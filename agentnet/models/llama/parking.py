"""State of sequences that had to leave the KV cache, kept in RAM: to copy it back is far cheaper than to read again."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

from agentnet.models.llama import backend
from agentnet.models.llama.prefix import common_prefix

SHORTEST = 128
"""Tokens of its own below which a sequence is not worth parking."""


class Parking:
    """Parked sequences by their tokens, within a budget of bytes; the one unused for the longest time goes first."""

    def __init__(self, context: Any, budget: int) -> None:
        self._llama = backend.library()
        self._context, self._budget = context, budget
        self._states: dict[tuple[int, ...], Any] = {}
        self.bytes = 0
        self.restored = 0

    def __len__(self) -> int:
        return len(self._states)

    def park(self, sequence: int, tokens: Sequence[int]) -> None:
        """Copy a sequence's state out of the cache, if it fits."""
        key = tuple(tokens)
        if key in self._states:
            return
        size = int(self._llama.llama_state_seq_get_size(self._context, sequence))
        if not 0 < size <= self._budget:
            return
        while self.bytes + size > self._budget:
            self.take(next(iter(self._states)))
        state = np.empty(size, np.uint8)
        written = self._llama.llama_state_seq_get_data(self._context, _pointer(state), size, sequence)
        if written == size:
            self._states[key] = state
            self.bytes += size

    def best(self, tokens: Sequence[int], limit: int, *, whole: bool) -> tuple[tuple[int, ...] | None, int]:
        """The parked sequence with the longest common beginning (`whole`: only such that all of it is), and how long
        that is."""
        best, length = None, 0
        wanted = tuple(tokens)
        for key in self._states:
            common = common_prefix(key, wanted, limit)
            if common > length and (not whole or common == len(key)):
                best, length = key, common
        return best, length

    def take(self, key: tuple[int, ...]) -> Any:
        """The state that is parked under some tokens; it is parked no longer."""
        state = self._states.pop(key)
        self.bytes -= len(state)
        return state

    def restore(self, state: Any, sequence: int) -> bool:
        """Copy a state into an empty sequence. False where llama.cpp cannot take it."""
        read = self._llama.llama_state_seq_set_data(self._context, _pointer(state), len(state), sequence)
        self.restored += bool(read)
        return bool(read)


def _pointer(state: Any) -> Any:
    return state.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))
