"""Drawing tokens: a sampler chain, and a grammar beside it. Every pointer is checked, as a bad grammar is a crash."""

from __future__ import annotations

import codecs
import ctypes
from collections.abc import Iterator
from typing import Any

import numpy as np

from agentnet.contracts.sampling import Sampling
from agentnet.errors import SchemaUnsupported
from agentnet.models.llama import backend
from agentnet.models.llama.vocabulary import Vocabulary

_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
_FORBIDDEN = -np.inf
FIRST = 64
"""How many of the likeliest tokens are checked against a grammar before all tokens are."""


class Sampler:
    """Draws the tokens of one reply. `close` frees what llama.cpp allocated for it.

    Only the drawn token is checked against the grammar; the whole vocabulary is masked only where that one is rejected.
    Two things that llama.cpp's grammars accept are rejected here: malformed UTF-8 (an overlong quotation mark would end
    a text), and control tokens, which the grammars read as their names while the reply shows nothing.
    """

    def __init__(self, vocabulary: Vocabulary, sampling: Sampling, grammar: str | None) -> None:
        """Raises `SchemaUnsupported` for a grammar that llama.cpp cannot read."""
        self._llama = llama = backend.library()
        self._vocabulary = vocabulary
        self._utf8 = codecs.getincrementaldecoder("utf-8")("strict")
        self._grammar = None if grammar is None else _grammar_sampler(vocabulary.pointer, grammar)
        self._sample = llama.llama_sampler_sample
        self._greedy = sampling.temperature == 0
        self._chain = llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())
        for part in _draws(sampling):
            llama.llama_sampler_chain_add(self._chain, part)

    def close(self) -> None:
        """Free what llama.cpp allocated. Closing twice is harmless."""
        if self._chain is None:
            return
        self._llama.llama_sampler_free(self._chain)
        if self._grammar is not None:
            self._llama.llama_sampler_free(self._grammar)
        self._chain = self._grammar = None

    def draw(self, context: Any, logits: Any, row: int) -> int | None:
        """Return the next token; None where the grammar allows none at all.

        `logits` is a float32 array of shape (vocabulary,), which is not changed; `row` is llama.cpp's index of the same
        row, counted from the end of the rows that the context decoded last (−1 is the last one).
        """
        drawn = int(logits.argmax()) if self._greedy else int(self._sample(self._chain, context, row))
        if self._grammar is None:
            return drawn
        fits = self._masked(np.array([(drawn, 1.0, 0.0)], _CANDIDATE)) and self._continues(drawn)
        token = drawn if fits else self._likeliest_allowed(logits) if self._greedy else self._draw_allowed(logits)
        if token is not None:  # to accept a token that the grammar rejects would end the process
            self._llama.llama_sampler_accept(self._grammar, token)
        return token

    def _likeliest_allowed(self, logits: Any) -> int | None:
        """Return the allowed token with the highest logit. Mostly it is among the likeliest, which come first."""
        if len(logits) > FIRST:
            token = self._first_allowed(logits, np.sort(np.argpartition(logits, -FIRST)[-FIRST:]))
            if token is not None:
                return token
        return self._first_allowed(logits, np.arange(len(logits)))

    def _first_allowed(self, logits: Any, tokens: Any) -> int | None:
        order = tokens[np.argsort(-logits[tokens], kind="stable")]
        candidates = np.zeros(len(order), _CANDIDATE)
        candidates["id"], candidates["logit"] = order, logits[order]
        self._masked(candidates)
        allowed = order[candidates["logit"] > _FORBIDDEN]
        return next((token for token in map(int, allowed) if self._continues(token)), None)

    def _draw_allowed(self, logits: Any) -> int | None:
        candidates = np.zeros(len(logits), _CANDIDATE)
        candidates["id"] = np.arange(len(logits))
        candidates["logit"] = logits
        left = self._masked(candidates)
        while left:
            drawn = candidates.copy()  # the chain sorts and cuts what it is given
            array = self._array(drawn)
            self._llama.llama_sampler_apply(self._chain, ctypes.byref(array))
            token = int(array.data[array.selected].id)
            if self._continues(token):
                return token
            candidates["logit"][token] = _FORBIDDEN
            left = bool((candidates["logit"] > _FORBIDDEN).any())
        return None

    def _masked(self, candidates: Any) -> bool:
        """Set the logits of rejected candidates to −∞, in place. Returns whether any candidate is left."""
        array = self._array(candidates)
        self._llama.llama_sampler_apply(self._grammar, ctypes.byref(array))
        return bool((candidates["logit"] > _FORBIDDEN).any())

    def _continues(self, token: int) -> bool:
        """Return whether a token ends the reply or adds well-formed UTF-8 to it; if so, its bytes are taken in."""
        before, piece = self._utf8.getstate(), self._vocabulary.piece(token)
        if not piece:
            return self._vocabulary.ends(token)
        try:
            self._utf8.decode(piece)
            pending = self._utf8.getstate()[0]
            well_formed = (
                pending < b"\xed\xa0" or pending >= b"\xee"
            )  # Python sees half of a surrogate pair a byte later
        except UnicodeDecodeError:
            well_formed = False
        if not well_formed:
            self._utf8.setstate(before)
        return well_formed

    def _array(self, candidates: Any) -> Any:
        data = candidates.ctypes.data_as(self._llama.llama_token_data_p)
        return self._llama.llama_token_data_array(data=data, size=len(candidates), selected=-1, sorted=False)


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


def _grammar_sampler(vocab: Any, grammar: str) -> Any:
    backend.forget()
    sampler = backend.library().llama_sampler_init_grammar(vocab, grammar.encode(), b"root")
    if not sampler:
        raise SchemaUnsupported(f"llama.cpp cannot read the grammar of this schema: {backend.reason()}")
    return sampler
