"""``python -m benchmarks.engine.debate``: a debate of agents that share one GGUF file, our way and the usual way.

The usual way: one `Llama`, each agent's persona in the system prompt, its full prompt evaluated when its turn comes.
Ours: the task and a transcript that reads the same to everybody come first, the role last, and all agents of a round
speak at once. Both say the same number of tokens. What is strictly new is counted in a tree of all token sequences:
every node must be evaluated once by anybody who says the same.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.sampling import Sampling
from agentnet.models.base import Request
from agentnet.models.devices import physical_cores
from agentnet.models.llama import LlamaModel
from benchmarks.engine import one_llama
from benchmarks.engine.throughput import tokens_per_word
from benchmarks.generated import model_file, usable, words

AGENTS, ROUNDS = 3, 3
TASK, PERSONA, ROLE, REPLY = 400, 60, 24, 80
"""Lengths in tokens."""
CONTEXT = 2048


@dataclass(frozen=True)
class Setting:
    """What is debated, by whom."""

    task: str
    personas: tuple[str, ...]
    roles: tuple[str, ...]

    @classmethod
    def drawn(cls, draw: random.Random, density: float) -> Setting:
        """Texts of random words, of which a model makes `density` tokens each."""

        def text(tokens: int) -> str:
            return words(round(tokens / density), draw)

        personas = tuple(text(PERSONA) for _ in range(AGENTS))
        return cls(text(TASK), personas, tuple(text(ROLE) for _ in range(AGENTS)))


@dataclass(frozen=True)
class Found:
    seconds: float
    evaluated: int
    """Tokens that went through the model."""
    new: int
    """Nodes in the tree of all token sequences of the debate."""


class Tree:
    """Counts the distinct beginnings of token sequences."""

    def __init__(self) -> None:
        self._root: dict[int, Any] = {}
        self.nodes = 0

    def add(self, tokens: Sequence[int]) -> None:
        node = self._root
        for token in tokens:
            if token not in node:
                node[token] = {}
                self.nodes += 1
            node = node[token]


async def ours(model: LlamaModel, setting: Setting) -> Found:
    """All agents of a round at once, the stable part first."""
    before = model.stats.evaluated_tokens
    tree, transcript = Tree(), ""
    started = time.perf_counter()
    exchanged: list[tuple[str, str]] = []
    for _ in range(ROUNDS):
        prompts = [f"{setting.task}{transcript} {role}" for role in setting.roles]
        asked = [Request(({"role": "user", "content": prompt},), Sampling(max_tokens=REPLY)) for prompt in prompts]
        replies = [reply.text for reply in await asyncio.gather(*map(model.generate, asked))]
        exchanged += zip(prompts, replies, strict=True)
        transcript += "".join(replies)
    seconds = time.perf_counter() - started
    for prompt, reply in exchanged:
        # The last token of a reply is said, but nobody evaluates it.
        tree.add(model.tokens(prompt + reply)[:-1])
    return Found(seconds, model.stats.evaluated_tokens - before, tree.nodes)


def usual(setting: Setting) -> float:
    """Each agent in turn on one `Llama`, its persona first. Runs in a process of its own."""
    transcript = ""
    started = time.perf_counter()
    for _ in range(ROUNDS):
        said = ""
        for persona, role in zip(setting.personas, setting.roles, strict=True):
            said += one_llama.complete(f"{persona} {setting.task}{transcript} {role}", REPLY)
        transcript += said
    return time.perf_counter() - started


async def run(path: Path, threads: int, repeat: int) -> list[tuple[Found, float]]:
    load = one_llama.Load(path, AGENTS, threads, CONTEXT)
    spec = LlamaSpec(path=str(path), context=CONTEXT, sequences=AGENTS, threads=threads)
    model = await asyncio.to_thread(LlamaModel, path, spec)
    found: list[tuple[Found, float]] = []
    density = await tokens_per_word(load)
    try:
        with ProcessPoolExecutor(1, get_context("spawn"), one_llama.open_llama, (load,)) as process:
            for seed in range(repeat + 1):
                setting = Setting.drawn(random.Random(seed), density)
                other = await asyncio.get_running_loop().run_in_executor(process, usual, setting)
                pair = (await ours(model, setting), other)
                found += [pair] if seed else []  # the first one warms up
    finally:
        await model.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine.debate", description=__doc__)
    parser.add_argument(
        "--models", nargs="+", default=["m100", "m100-q8", "m100@llama-bpe", "m100@qwen2"], help="generated models"
    )
    parser.add_argument("--repeat", type=int, default=7, help="debates")
    parser.add_argument("--threads", type=int, default=physical_cores())
    options = parser.parse_args()
    table = Table("model", title=f"a debate of {AGENTS} agents × {ROUNDS} rounds on shared weights (medians)")
    for heading in ("seconds", "one Llama, persona first", "times faster", "evaluated ÷ strictly new"):
        table.add_column(heading, justify="right")
    for name in usable(options.models):
        found = asyncio.run(run(model_file(name), options.threads, options.repeat))
        table.add_row(
            name,
            f"{statistics.median(ours.seconds for ours, _ in found):.2f}",
            f"{statistics.median(other for _, other in found):.2f}",
            f"{statistics.median(other / ours.seconds for ours, other in found):.2f}",
            f"{statistics.median(ours.evaluated / ours.new for ours, _ in found):.3f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
