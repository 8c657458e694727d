"""Drawing tokens: a sampler chain, and a grammar beside it. Every pointer is checked: a bad grammar is a crash."""

from __future__ import annotations

import codecs
import ctypes
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import numpy as np

from agentnet.contracts.sampling import Sampling
from agentnet.errors import SchemaUnsupported
from agentnet.models.llama import backend
from agentnet.models.llama.vocabulary import Vocabulary

_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
_FORBIDDEN = -np.inf


class Sampler:
    """Draws the tokens of one reply; a context manager that frees what llama.cpp allocated.

    A grammar is asked about the drawn token alone; only when it rejects that one, the whole vocabulary is masked.
    llama.cpp's grammars let two things pass that are rejected here: malformed UTF-8 (an overlong quotation mark would
    end a text), and control tokens, which they read as their names while the reply shows nothing.
    """

    def __init__(self, vocabulary: Vocabulary, sampling: Sampling, grammar: str | None) -> None:
        """Raises `SchemaUnsupported` for a grammar that llama.cpp cannot read."""
        self._llama = llama = backend.library()
        self._vocabulary = vocabulary
        self._utf8 = codecs.getincrementaldecoder("utf-8")("strict")
        self._grammar = None if grammar is None else _grammar_sampler(vocabulary.pointer, grammar)
        self._chain = llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())
        for part in _draws(sampling):
            llama.llama_sampler_chain_add(self._chain, part)

    def __enter__(self) -> Sampler:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._llama.llama_sampler_free(self._chain)
        if self._grammar is not None:
            self._llama.llama_sampler_free(self._grammar)

    def draw(self, context: Any) -> int | None:
        """The next token after what the context has read last; None where the grammar allows none at all."""
        drawn = int(self._llama.llama_sampler_sample(self._chain, context, -1))
        if self._grammar is None:
            return drawn
        fits = self._masked(np.array([(drawn, 1.0, 0.0)], _CANDIDATE)) and self._continues(drawn)
        token = drawn if fits else self._draw_masked(context)
        if token is not None:  # to accept a token that the grammar rejects would end the process
            self._llama.llama_sampler_accept(self._grammar, token)
        return token

    def _draw_masked(self, context: Any) -> int | None:
        size = self._vocabulary.size
        candidates = np.zeros(size, _CANDIDATE)
        candidates["id"] = np.arange(size)
        candidates["logit"] = np.ctypeslib.as_array(self._llama.llama_get_logits_ith(context, -1), shape=(size,))
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
        """Put the logits of what the grammar rejects to −∞, in place; whether any is left."""
        array = self._array(candidates)
        self._llama.llama_sampler_apply(self._grammar, ctypes.byref(array))
        return bool((candidates["logit"] > _FORBIDDEN).any())

    def _continues(self, token: int) -> bool:
        """Whether a token ends the reply or adds well-formed UTF-8 to it; if so, its bytes are taken in."""
        before, piece = self._utf8.getstate(), self._vocabulary.piece(token)
        if not piece:
            return self._vocabulary.ends(token)
        try:
            self._utf8.decode(piece)
            pending = self._utf8.getstate()[0]
            right = pending < b"\xed\xa0" or pending >= b"\xee"  # Python sees half of a surrogate pair a byte later
        except UnicodeDecodeError:
            right = False
        if not right:
            self._utf8.setstate(before)
        return right

    def _array(self, candidates: Any) -> Any:
        data = candidates.ctypes.data_as(self._llama.llama_token_data_p)
        return self._llama.llama_token_data_array(data=data, size=len(candidates), selected=-1, sorted=False)


def _draws(sampling: Sampling) -> Iterator[Any]:
    llama = backend.library()
    if sampling.temperature == 0:
        yield llama.llama_sampler_init_greedy()
        return
    if sampling.top_k:
        yield llama.llama_sampler_init_top_k(sampling.top_k)
    if sampling.top_p < 1:
        yield llama.llama_sampler_init_top_p(sampling.top_p, 1)
    if sampling.min_p:
        yield llama.llama_sampler_init_min_p(sampling.min_p, 1)
    yield llama.llama_sampler_init_temp(sampling.temperature)
    # The largest seed is llama.cpp's word for "any": who asks for it by number gets a fixed one all the same.
    seed = llama.LLAMA_DEFAULT_SEED if sampling.seed is None else min(sampling.seed, llama.LLAMA_DEFAULT_SEED - 1)
    yield llama.llama_sampler_init_dist(seed)


def _grammar_sampler(vocab: Any, grammar: str) -> Any:
    backend.forget_errors()
    made = backend.library().llama_sampler_init_grammar(vocab, grammar.encode(), b"root")
    if not made:
        raise SchemaUnsupported(
            f"llama.cpp cannot read the grammar of this schema: {backend.last_error() or 'no reason'}"
        )
    return made
