"""Sampler chains, and grammars made of JSON Schemas. Every pointer is checked: a bad grammar is a crash otherwise."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from agentnet.contracts.sampling import Sampling
from agentnet.errors import SchemaUnsupported
from agentnet.models.llama import backend


@contextmanager
def sampler(vocab: Any, sampling: Sampling, grammar: str | None) -> Iterator[Any]:
    """A sampler chain for one reply: grammar first, then truncation, temperature and the draw. Freed at the end."""
    llama = backend.library()
    chain = llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())
    try:
        if grammar is not None:
            llama.llama_sampler_chain_add(chain, _grammar_sampler(vocab, grammar))
        for part in _draws(sampling):
            llama.llama_sampler_chain_add(chain, part)
        yield chain
    finally:
        llama.llama_sampler_free(chain)


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
    seed = llama.LLAMA_DEFAULT_SEED if sampling.seed is None else sampling.seed
    yield llama.llama_sampler_init_dist(seed)


def _grammar_sampler(vocab: Any, grammar: str) -> Any:
    backend.forget_errors()
    made = backend.library().llama_sampler_init_grammar(vocab, grammar.encode(), b"root")
    if not made:
        raise SchemaUnsupported(
            f"llama.cpp cannot read the grammar of this schema: {backend.last_error() or 'no reason'}"
        )
    return made


def grammar_of(schema: Mapping[str, Any]) -> str:
    """The GBNF grammar of a JSON Schema. Raises `SchemaUnsupported` with the reason where there is none."""
    return _grammar(json.dumps(schema))


@lru_cache(maxsize=256)
def _grammar(schema: str) -> str:
    backend.library()
    from llama_cpp.llama_grammar import json_schema_to_gbnf

    try:
        return str(json_schema_to_gbnf(schema))
    except Exception as error:
        # The converter raises whatever its walk over the schema meets: KeyError, AssertionError, ValueError, …
        raise SchemaUnsupported(f"this JSON Schema has no grammar: {type(error).__name__}: {error}") from error
