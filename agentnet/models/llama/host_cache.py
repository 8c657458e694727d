"""A cache in RAM for sequences that were swapped out of the KV cache. To copy one back costs far less than to evaluate
its tokens again."""

from __future__ import annotations

from collections.abc import Sequence

from agentnet.models.llama.prefix import common_prefix
from agentnet.models.llama.states import SequenceStates, State

SHORTEST = 128
"""Tokens that no other sequence holds, below which a sequence is not worth swapping out."""


class HostCache:
    """Swapped-out sequences by their tokens, within `budget` bytes. The least recently used is dropped first."""

    def __init__(self, sequences: SequenceStates, budget: int) -> None:
        self._sequences, self._budget = sequences, budget
        self._states: dict[tuple[int, ...], State] = {}
        self.bytes = 0
        self.restored = 0
        """Sequences that were copied back."""

    def __len__(self) -> int:
        return len(self._states)

    def swap_out(self, sequence: int, tokens: Sequence[int]) -> None:
        """Copy the state of a sequence out of the KV cache, unless it is larger than the budget."""
        key = tuple(tokens)
        if key in self._states:
            return
        size = self._sequences.size(sequence)
        if not 0 < size <= self._budget:
            return
        while self.bytes + size > self._budget:
            self.take(next(iter(self._states)))
        state = self._sequences.read(sequence)
        if state is not None:
            self._states[key] = state
            self.bytes += size

    def longest_match(self, tokens: Sequence[int], limit: int, *, whole: bool) -> tuple[tuple[int, ...] | None, int]:
        """Return the tokens of the sequence with the longest common prefix, and the length of that.

        With `whole`, only sequences count that are a prefix of `tokens` as a whole.
        """
        match, length = None, 0
        wanted = tuple(tokens)
        for key in self._states:
            common = common_prefix(key, wanted, limit)
            if common > length and (not whole or common == len(key)):
                match, length = key, common
        return match, length

    def take(self, key: tuple[int, ...]) -> State:
        """Remove the state of a sequence with these tokens, and return it."""
        state = self._states.pop(key)
        self.bytes -= len(state)
        return state

    def swap_in(self, state: State, sequence: int) -> bool:
        """Copy a state into an empty sequence. Returns False where llama.cpp cannot take it."""
        read = self._sequences.write(state, sequence)
        self.restored += read
        return read
