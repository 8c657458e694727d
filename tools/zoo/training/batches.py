"""Turns an endless stream of (prompt, completion) into batches without padding to speak of, ahead of the trainer.

The stream is cut into pools. A pool is sorted by length and cut into blocks of equally long rows; the blocks are
shuffled and several of them make a batch, so that a batch is mixed and still dense. A pool depends on nothing but its
number and the seed: a run can resume at any batch by drawing one pool again.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import traceback
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tools.zoo.training import tokenizer
from tools.zoo.training.tokenizer import ASSISTANT, END, PAD, USER, Vocabulary

Pairs = Callable[[int], Iterator[tuple[str, str]]]
"""An endless stream of (prompt, completion) for a seed. Picklable: a module's function or a `partial` of one."""

POOL = 4096
"""Examples per pool."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Flat tokens of blocks laid end to end, and the positions at which the next token is to be learnt."""

    tokens: NDArray[np.int64]
    blocks: list[tuple[int, int]]
    rows: NDArray[np.int64]
    targets: NDArray[np.int64]
    after: tuple[int, int]
    """Where to go on: (pool, batch in it)."""


def batches(
    pairs: Pairs,
    vocabulary: Vocabulary,
    context: int,
    batch_tokens: int,
    seed: int,
    start: tuple[int, int] = (0, 0),
    block_tokens: int = 1024,
) -> Iterator[Batch]:
    """An endless stream of batches of about `batch_tokens` tokens. Examples longer than `context` are left out."""
    pool, skip = start
    while True:
        rng = random.Random(f"{seed}/{pool}")
        examples = _examples(islice(pairs(rng.getrandbits(48)), POOL), vocabulary, context)
        groups = _groups(_blocks(examples, block_tokens, rng), batch_tokens)
        for place, group in enumerate(groups):
            if place >= skip:
                last = place + 1 == len(groups)
                yield _batch(group, (pool + 1, 0) if last else (pool, place + 1))
        pool, skip = pool + 1, 0


def prefetched(
    pairs: Pairs, vocabulary: Path, context: int, batch_tokens: int, seed: int, start: tuple[int, int] = (0, 0)
) -> Generator[Batch, None, None]:
    """The same stream, made by another process (which loads the saved `vocabulary`) some batches ahead."""
    spawn = multiprocessing.get_context("spawn")
    queue = spawn.Queue(maxsize=32)
    arguments = (queue, pairs, vocabulary, context, batch_tokens, seed, start)
    process = spawn.Process(target=_produce, args=arguments, daemon=True)
    process.start()
    try:
        while True:
            found = queue.get()
            if isinstance(found, str):
                raise RuntimeError(f"the stream of training examples broke off:\n{found}")
            yield found
    finally:
        process.terminate()


def _produce(queue: Any, pairs: Pairs, vocabulary: Path, *arguments: Any) -> None:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    try:
        for batch in batches(pairs, tokenizer.load(vocabulary), *arguments):
            queue.put(batch)
    except Exception:
        queue.put(traceback.format_exc())


Example = tuple[list[int], int]
"""Tokens and the place of the first token to learn."""


def _examples(texts: Iterator[tuple[str, str]], vocabulary: Vocabulary, context: int) -> list[Example]:
    prompts, completions = (list(side) for side in zip(*texts, strict=True))
    examples = []
    for prompt, completion in zip(vocabulary.encode(prompts), vocabulary.encode(completions), strict=True):
        tokens = [USER, *prompt, END, ASSISTANT, *completion, END]
        if len(tokens) <= context:
            examples.append((tokens, len(prompt) + 3))
    if not examples:
        raise ValueError(f"no training example fits into {context} tokens: widen the context or shorten the prompts")
    return examples


def _blocks(examples: list[Example], block_tokens: int, rng: random.Random) -> list[list[Example]]:
    """Examples of almost equal length together, each block about `block_tokens` long, in random order."""
    rng.shuffle(examples)
    examples.sort(key=lambda example: len(example[0]))
    blocks: list[list[Example]] = [[]]
    for example in examples:
        if len(blocks[-1]) * len(example[0]) >= block_tokens:
            blocks.append([])
        blocks[-1].append(example)
    rng.shuffle(blocks)
    return blocks


def _groups(blocks: list[list[Example]], batch_tokens: int) -> list[list[list[Example]]]:
    groups: list[list[list[Example]]] = [[]]
    filled = 0
    for block in blocks:
        size = sum(len(tokens) for tokens, _ in block)
        if groups[-1] and filled + size / 2 > batch_tokens:
            groups.append([])
            filled = 0
        groups[-1].append(block)
        filled += size
    return groups


def _batch(group: list[list[Example]], after: tuple[int, int]) -> Batch:
    flat: list[int] = []
    rows: list[int] = []
    targets: list[int] = []
    shapes: list[tuple[int, int]] = []
    for block in group:
        length = max(len(tokens) for tokens, _ in block) - 1
        shapes.append((len(block), length))
        for tokens, first in block:
            rows.extend(range(len(flat) + first - 1, len(flat) + len(tokens) - 1))
            targets.extend(tokens[first:])
            flat.extend(tokens[:-1])
            flat.extend([PAD] * (length - len(tokens) + 1))
    return Batch(np.array(flat), shapes, np.array(rows), np.array(targets), after)
