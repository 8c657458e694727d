"""Generated tokens per second of everybody, for one file and a number of agents."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.models.llama import LlamaModel
from benchmarks.engine.contestants import Contestant
from benchmarks.engine.one_llama import Load
from benchmarks.generated import words

PREFIX, TAIL, COLD_TOKENS = 256, 24, 48
"""Cold: a prefix that all agents share and nobody has seen, a tail of each agent's own, and what each one says."""
SHORT, WARM_TOKENS = 8, 128
"""Warm: hardly anything to read, so that what is measured is decoding."""


@dataclass(frozen=True)
class Measured:
    model: str
    workload: str
    agents: int
    contestant: str
    rates: tuple[float, ...]
    """Generated tokens per second, one for each repetition."""

    @property
    def median(self) -> float:
        return statistics.median(self.rates)

    def over(self, other: Measured) -> float:
        """The median of the ratios to another, repetition by repetition."""
        return statistics.median(one / two for one, two in zip(self.rates, other.rates, strict=True))


async def measure(
    model: str, load: Load, contestants: Sequence[type[Contestant]], repeat: int, *, seed: int = 0
) -> list[Measured]:
    """Both workloads, everybody in every repetition, in an order that changes."""
    draw = random.Random(seed)
    density = await tokens_per_word(load)
    rates: dict[tuple[str, str], list[float]] = {}
    async with AsyncExitStack() as stack:
        running = [(kind.name, await stack.enter_async_context(kind.open(load))) for kind in contestants]
        for repetition in range(-1, repeat):  # the first one warms up
            for workload in ("cold", "warm"):
                prompts = _prompts(workload, load.agents, density, draw)
                tokens = COLD_TOKENS if workload == "cold" else WARM_TOKENS
                draw.shuffle(running)
                for name, contestant in running:
                    started = time.perf_counter()
                    await asyncio.gather(*(contestant.ask(prompt, tokens) for prompt in prompts))
                    if repetition >= 0:
                        seconds = time.perf_counter() - started
                        rates.setdefault((workload, name), []).append(tokens * load.agents / seconds)
    return [Measured(model, workload, load.agents, name, tuple(found)) for (workload, name), found in rates.items()]


async def tokens_per_word(load: Load) -> float:
    """How many tokens a model makes of a word: one, if it was generated for this."""
    vocabulary = LlamaModel(load.path, LlamaSpec(path=str(load.path), context=load.context, sequences=1))
    text = words(200, random.Random(0))
    found = len(vocabulary.tokens(text)) / 200
    await vocabulary.close()
    return found


def _prompts(workload: str, agents: int, density: float, draw: random.Random) -> list[str]:
    def text(tokens: int) -> str:
        return words(round(tokens / density), draw)

    if workload == "warm":
        return [text(SHORT) for _ in range(agents)]
    shared = text(PREFIX)
    return [f"{shared} {text(TAIL)}" for _ in range(agents)]
