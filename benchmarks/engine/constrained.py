"""``python -m benchmarks.engine.constrained``: what it costs to hold a verdict to a form, at real vocabularies.

*Wanted*: the model says a verdict by itself, and the form agrees with every token. *Unwanted*: it says prose, and the
form wants digits, so that its own choice is refused at every token and the whole vocabulary has to be masked: the worst
case. Beside each stands the same model that writes as many tokens without a form. All have read the prompt before.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.sampling import Sampling
from agentnet.models.base import Completion, Request
from agentnet.models.llama import LlamaModel
from benchmarks.generated import Chain, model_file, usable

CONTEXT = 512
MODELS = ["tiny@llama-bpe", "tiny@qwen2", "m100@llama-bpe", "m100@qwen2"]
VERDICT = (
    '{"because":"all numbers match and each step follows from what was given before it, so nothing is left open",'
    '"correct":true}'
)


def _form(reason: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"because": {"type": "string", **reason}, "correct": {"type": "boolean"}},
        "required": ["because", "correct"],
        "additionalProperties": False,
    }


CASES = {
    "wanted": (Chain(VERDICT, ends=True), _form({"maxLength": 200})),
    "unwanted": (Chain(), _form({"pattern": "^[0-9]{60}$"})),
}


@dataclass(frozen=True)
class Found:
    tokens: int
    forced: int
    free: tuple[float, ...]
    held: tuple[float, ...]
    """Milliseconds of a reply of so many tokens, without a form and with it."""

    @property
    def ratio(self) -> float:
        return statistics.median(held / free for held, free in zip(self.held, self.free, strict=True))


async def measure(name: str, case: str, repeat: int) -> Found:
    chain, form = CASES[case]
    path = model_file(name, chain)
    model = await asyncio.to_thread(
        LlamaModel, path, LlamaSpec(path=str(path), threads=1, context=CONTEXT, sequences=1)
    )

    async def write(limit: int, schema: Mapping[str, Any] | None) -> tuple[Completion, float]:
        started = time.perf_counter()
        prompt = ({"role": "user", "content": "Is that right?\n"},)
        reply = await model.generate(Request(prompt, Sampling(max_tokens=limit), schema))
        return reply, (time.perf_counter() - started) * 1000

    try:
        reply, _ = await write(CONTEXT, form)
        tokens, before = reply.usage.completion_tokens, model.stats.forced_tokens
        await write(CONTEXT, form)
        forced = model.stats.forced_tokens - before
        times: dict[bool, list[float]] = {True: [], False: []}
        draw, order = random.Random(0), [True, False]
        for _ in range(repeat):
            draw.shuffle(order)
            for held in order:
                times[held].append((await write(tokens, form if held else None))[1])
    finally:
        await model.close()
    return Found(tokens, forced, tuple(times[False]), tuple(times[True]))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine.constrained", description=__doc__)
    parser.add_argument("--models", nargs="+", default=MODELS, help="generated ones with a real vocabulary")
    parser.add_argument("--repeat", type=int, default=15)
    options = parser.parse_args()
    table = Table(Column("model", no_wrap=True), "form", title="a verdict, held to a form and free (medians)")
    for heading in ("tokens", "of them forced", "free, ms", "held, ms", "held ÷ free"):
        table.add_column(heading, justify="right")
    for name in usable(options.models):
        for case in CASES:
            found = asyncio.run(measure(name, case, options.repeat))
            medians = (f"{statistics.median(times):.1f}" for times in (found.free, found.held))
            table.add_row(name, case, str(found.tokens), str(found.forced), *medians, f"{found.ratio:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
