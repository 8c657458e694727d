"""Drawing tokens: a chain of llama.cpp's samplers, within a grammar where there is one."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any

import numpy as np

from agentnet.contracts.sampling import Sampling
from agentnet.models.llama import backend
from agentnet.models.llama.grammar import Constraint
from agentnet.models.tokens import LogitsRow

BLOCK, FIRST = 256, 8
"""Of a large vocabulary, fewer than `FIRST` of the likeliest tokens are checked one by one before all are masked."""
_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])


class Sampler:
    """Draws the tokens of one reply. `close` frees what llama.cpp allocated for it.

    With a grammar, tokens have the distribution that sampling among the allowed ones gives. Where nothing cuts
    candidates off (top k, top p, min p), a token is drawn first and checked: only if the grammar rejects it, one is
    drawn among the allowed ones, which leaves that distribution as it is.
    """

    def __init__(self, sampling: Sampling, constraint: Constraint | None) -> None:
        self._llama = llama = backend.library()
        self._constraint = constraint
        self._sample = llama.llama_sampler_sample
        self._greedy = sampling.temperature == 0
        self._cuts = not self._greedy and bool(sampling.top_k or sampling.top_p < 1 or sampling.min_p)
        self._chain = llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())
        for part in _draws(sampling):
            llama.llama_sampler_chain_add(self._chain, part)

    def close(self) -> None:
        """Free what llama.cpp allocated. Closing twice is harmless."""
        if self._chain is not None:
            self._llama.llama_sampler_free(self._chain)
            self._chain = self._constraint = None

    def draw(self, context: Any, logits: Any, row: int) -> int | None:
        """Return the next token; None where the grammar allows none at all. Raises `SchemaUnsupported`.

        `logits` is a float32 array of shape (vocabulary,), which is not changed; `row` is llama.cpp's index of the same
        row, counted from the end of the rows that the context decoded last (−1 is the last one).
        """
        constraint = self._constraint
        if constraint is None or not self._cuts:
            token = int(logits.argmax()) if self._greedy else int(self._sample(self._chain, context, row))
            if constraint is None or constraint.accept(token):
                return token
        if self._greedy:
            for token in likeliest(logits):
                if constraint.accept(token):
                    return token
        chosen = constraint.likeliest(logits) if self._greedy else self._draw_among(constraint.allowed(), logits)
        return chosen if chosen is not None and constraint.accept(chosen) else None

    def _draw_among(self, tokens: Any, logits: Any) -> int | None:
        if not len(tokens):
            return None
        candidates = np.zeros(len(tokens), _CANDIDATE)
        candidates["id"], candidates["logit"] = tokens, logits[tokens]
        data = candidates.ctypes.data_as(self._llama.llama_token_data_p)
        array = self._llama.llama_token_data_array(data=data, size=len(candidates), selected=-1, sorted=False)
        self._llama.llama_sampler_apply(self._chain, ctypes.byref(array))
        return int(array.data[array.selected].id)


def likeliest(logits: LogitsRow) -> list[int]:
    """Return some of the likeliest tokens, the likeliest first; none of a vocabulary so small that masking it is cheap.

    Every token with a higher logit than one of them is among them, and equal ones are in ascending order.
    """
    blocks = len(logits) // BLOCK
    if blocks < 4 * FIRST:
        return []
    # The first ones lie in the blocks with the highest maxima: a tenth of the time of a partition of the whole row.
    maxima = logits[: blocks * BLOCK].reshape(blocks, BLOCK).max(axis=1)
    highest = np.argpartition(maxima, -FIRST)[-FIRST:]
    inside = (highest[:, None] * BLOCK + np.arange(BLOCK)).ravel()
    tokens = np.concatenate((inside, np.arange(blocks * BLOCK, len(logits))))
    tokens = tokens[logits[tokens] > maxima[highest].min()]
    return [int(token) for token in tokens[np.lexsort((tokens, -logits[tokens]))][: FIRST - 1]]


def _draws(sampling: Sampling) -> Iterator[Any]:
    llama = backend.library()
    if sampling.temperature == 0:  # the likeliest one is found without a chain
        return
    if sampling.top_k:
        yield llama.llama_sampler_init_top_k(sampling.top_k)
    if sampling.top_p < 1:
        yield llama.llama_sampler_init_top_p(sampling.top_p, 1)
    if sampling.min_p:
        yield llama.llama_sampler_init_min_p(sampling.min_p, 1)
    yield llama.llama_sampler_init_temp(sampling.temperature)
    # The largest seed is llama.cpp's word for "any": a request for that very number gets the next smaller one.
    seed = llama.LLAMA_DEFAULT_SEED if sampling.seed is None else min(sampling.seed, llama.LLAMA_DEFAULT_SEED - 1)
    yield llama.llama_sampler_init_dist(seed)
