"""Steps that are given one token more, since four are multiplied faster than three."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from gguf import GGMLQuantizationType

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.sampling import Sampling
from agentnet.models.base import Request
from agentnet.models.llama import backend, loading
from agentnet.models.llama.cells import CachedSequence
from agentnet.models.llama.context import Context
from agentnet.models.llama.ledger import Ledger
from tests.models.llama.conftest import Open
from tests.models.llama.files import write_random

TOKENS = [[290 + place, 300, 310, 320 + place] for place in range(9)]


@pytest.fixture(scope="module")
def small_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_random(tmp_path_factory.mktemp("q4") / "q4.gguf", kind=GGMLQuantizationType.Q4_0)


@pytest.fixture
def context(random_file: Path) -> Iterator[Context]:
    spec = LlamaSpec(path="x", context=256, cache_tokens=256, batch=16, kv_type_k="f32", kv_type_v="f32",
                     flash_attention="off")  # fmt: skip
    loaded = loading.load(random_file, spec, memory=Ledger(), threads=1)
    size = loaded.vocabulary.size
    context = Context("m", loaded, vocabulary_size=size, reuse=False, host_cache_bytes=0)
    context.fills_up = True
    yield context
    loaded.close()


def opened_with(context: Context, *prompts: list[int]) -> list[CachedSequence]:
    """Live sequences that hold all of their tokens but the last one."""
    sequences = []
    for tokens in prompts:
        held = context.cache.open(tokens, len(tokens) - 1)
        assert held is not None
        assert context.cache.make_room(len(tokens))
        for start in range(0, len(tokens) - 1, 8):
            some = tokens[start : min(start + 8, len(tokens) - 1)]
            context.batch.add(held.id, start, some, 0)
            context.decode()
            context.cache.extend(held, some)
        sequences.append(held)
    return sequences


def step(context: Context, sequences: list[CachedSequence], tokens: list[int]) -> np.ndarray:  # type: ignore[type-arg]
    """One token more for each sequence; the logits behind them, of shape (sequences, vocabulary)."""
    assert context.cache.make_room(len(tokens))
    for held, token in zip(sequences, tokens, strict=True):
        context.batch.add_one(held.id, len(held.tokens), token)
    return np.array(context.decode())


@pytest.mark.parametrize("count", range(1, 9))
def test_three_of_four_are_filled_up_and_nobody_sees_it(context: Context, count: int) -> None:
    prompts = TOKENS[:count]
    sequences = opened_with(context, *prompts)
    logits = step(context, sequences, [tokens[-1] for tokens in prompts])
    assert context.filled == (count % 4 == 3)
    assert len(logits) == count
    for held in sequences:
        context.cache.drop(held)
    context.fills_up = False
    for tokens, row in zip(prompts, logits, strict=True):
        (held,) = opened_with(context, tokens)
        np.testing.assert_allclose(step(context, [held], tokens[-1:])[0], row, atol=1e-4, rtol=1e-4)
        context.cache.drop(held)


def test_a_cache_or_a_batch_that_is_full_is_not_filled_up(context: Context) -> None:
    sequences = opened_with(context, *TOKENS[:3])
    (long,) = opened_with(context, [*TOKENS[3], *[300] * (context.cache.free - 6)])
    assert context.cache.free == 3
    assert len(step(context, sequences, [1, 2, 3])) == 3
    assert not context.filled
    context.cache.drop(long)
    count = context.batch.capacity
    assert count % 4 == 3
    context.batch.add(sequences[0].id, len(sequences[0].tokens) + 1, [300] * count, count)
    assert len(context.decode()) == count
    assert not context.filled


def test_only_weights_that_were_laid_out_anew_are_filled_up(random_file: Path, small_file: Path) -> None:
    info = backend.library().llama_print_system_info().decode()
    repacks = "REPACK = 1" in info and ("AVX2 = 1" in info or "DOTPROD = 1" in info)
    for path, expected in ((random_file, False), (small_file, repacks), (random_file, False)):
        loaded = loading.load(path, LlamaSpec(path="x", context=64), memory=Ledger(), threads=1)
        loaded.close()
        assert loaded.repacked is expected


async def test_three_agents_say_what_each_says_alone(opened: Open, small_file: Path) -> None:
    together, alone = opened(small_file), opened(small_file, sequences=1, reuse_prefix=False)
    asked = [
        Request(({"role": "user", "content": text},), Sampling(max_tokens=6), logprobs=True)
        for text in ("one", "and two", "three of us")
    ]
    replies = await asyncio.gather(*map(together.generate, asked))
    for request, reply in zip(asked, replies, strict=True):
        other = await alone.generate(request)
        assert reply.logprobs is not None
        assert other.logprobs is not None
        assert reply.logprobs[0] == pytest.approx(other.logprobs[0], abs=0.05)
