"""The tokens of one decoding step, in arrays that numpy owns and llama.cpp reads in place."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from agentnet.models.llama import backend

_Token, _Flag = ctypes.c_int32, ctypes.c_int8


class Batch:
    """Collects tokens of many sequences; `pointer()` hands them to llama.cpp.

    Filling lists and copying them by slices takes microseconds, the binding's own way hundreds. llama.cpp would abort
    the process at more tokens than `capacity`, so `add` refuses them with `ValueError`.
    """

    def __init__(self, capacity: int, sequences: int) -> None:
        self.capacity = capacity
        self._arrays = {name: np.zeros(capacity, np.int32) for name in ("token", "pos", "n_seq_id")}
        self._wanted = np.zeros(capacity, np.int8)
        # One row for each token: the sequences that it belongs to.
        self._owners = np.zeros((capacity, sequences), np.int32)
        starts = self._owners.ctypes.data + np.arange(capacity, dtype=np.uint64) * np.uint64(self._owners.strides[0])
        self._starts = np.ascontiguousarray(starts, dtype=np.uint64)
        self._batch = backend.library().llama_batch(
            embd=None,
            logits=self._wanted.ctypes.data_as(ctypes.POINTER(_Flag)),
            seq_id=self._starts.ctypes.data_as(ctypes.POINTER(ctypes.POINTER(_Token))),
            **{name: array.ctypes.data_as(ctypes.POINTER(_Token)) for name, array in self._arrays.items()},
        )
        self.clear()

    def clear(self) -> None:
        self._tokens: list[int] = []
        self._positions: list[int] = []
        self.first_owners: list[int] = []
        """Of each token, the sequence that it belongs to, or the first of several."""
        self._flags: list[int] = []
        self._shared: list[tuple[int, Sequence[int]]] = []
        self.rows = 0

    def __len__(self) -> int:
        return len(self._tokens)

    @property
    def room(self) -> int:
        """How many more tokens fit."""
        return self.capacity - len(self._tokens)

    def add(self, sequence: int, start: int, tokens: Sequence[int], wanted: int) -> None:
        """Add tokens of one sequence at the positions from `start` on; the logits of the last `wanted` are computed."""
        count = len(tokens)
        if count > self.room:
            raise ValueError(f"{count} tokens do not fit into the {self.room} that are left of the batch")
        self._tokens.extend(tokens)
        self._positions.extend(range(start, start + count))
        self.first_owners.extend([sequence] * count)
        self._flags.extend([0] * (count - wanted) + [1] * wanted)
        self.rows += wanted

    def add_one(self, sequence: int, position: int, token: int, *, wanted: bool = True) -> None:
        """Add one token and have its logits computed if `wanted`, as a request that decodes does in each step."""
        if len(self._tokens) >= self.capacity:
            raise ValueError(f"the batch is full with {self.capacity} tokens")
        self._tokens.append(token)
        self._positions.append(position)
        self.first_owners.append(sequence)
        self._flags.append(wanted)
        self.rows += wanted

    def add_shared(self, sequences: Iterable[int], position: int, token: int, *, wanted: bool = True) -> None:
        """Add one token that comes next in several sequences, and have its logits computed if `wanted`."""
        owners = list(sequences)
        self._shared.append((len(self._tokens), owners))
        self.add_one(owners[0], position, token, wanted=wanted)

    def pointer(self) -> Any:
        """Return the `llama_batch` of what was added, valid until the next `add`."""
        count = len(self._tokens)
        self._arrays["token"][:count] = self._tokens
        self._arrays["pos"][:count] = self._positions
        self._arrays["n_seq_id"][:count] = 1
        self._owners[:count, 0] = self.first_owners
        self._wanted[:count] = self._flags
        for index, owners in self._shared:
            self._arrays["n_seq_id"][index] = len(owners)
            self._owners[index, : len(owners)] = owners
        self._batch.n_tokens = count
        return self._batch
