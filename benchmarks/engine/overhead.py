"""``python -m benchmarks.engine.overhead``: what a decoding step costs beside llama.cpp's own work.

Eight sequences on the smallest model of the zoo, where a step is shortest and overhead weighs most; and on tiny models
with the vocabularies that people run, where a step has the most logits for its work.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics

from rich.console import Console
from rich.table import Table

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.sampling import Sampling
from agentnet.models.base import Request
from agentnet.models.llama import LlamaModel
from benchmarks.generated import model_file, usable, words

SEQUENCES, TOKENS = 8, 200


async def run(name: str, repeat: int) -> list[tuple[float, float]]:
    """Microseconds per step, in llama.cpp and beside it, one pair for each repetition."""
    path = model_file(name)
    draw = random.Random(0)
    found = []
    model = LlamaModel(path, LlamaSpec(path=str(path), threads=1, sequences=SEQUENCES))
    try:
        for _ in range(repeat):
            before = model.stats
            prompts = [words(8, draw) for _ in range(SEQUENCES)]
            asked = [Request(({"role": "user", "content": text},), Sampling(max_tokens=TOKENS)) for text in prompts]
            await asyncio.gather(*map(model.generate, asked))
            now = model.stats
            inside = now.decode_seconds - before.decode_seconds
            whole = now.step_seconds - before.step_seconds
            steps = (now.steps - before.steps) / 1e6
            found.append((inside / steps, (whole - inside) / steps))
    finally:
        await model.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine.overhead", description=__doc__)
    parser.add_argument("--models", nargs="+", default=["zoo:scout", "tiny@llama-bpe", "tiny@qwen2"])
    parser.add_argument("--repeat", type=int, default=15)
    options = parser.parse_args()
    table = Table("model", title=f"microseconds per decoding step of {SEQUENCES} sequences (medians)")
    table.add_column("in llama.cpp", justify="right")
    table.add_column("beside it", justify="right")
    for name in usable(options.models):
        found = asyncio.run(run(name, options.repeat))
        inside, beside = (f"{statistics.median(column):.0f}" for column in zip(*found, strict=True))
        table.add_row(name, inside, beside)
    Console().print(table)


if __name__ == "__main__":
    main()
