"""``python -m benchmarks.engine.overhead``: what a decoding step costs beside llama.cpp's own work.

Eight sequences on the smallest model of the zoo, where a step is shortest and overhead weighs most.
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
from benchmarks.generated import model_file, words

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
    parser.add_argument("--model", default="zoo:scout")
    parser.add_argument("--repeat", type=int, default=15)
    options = parser.parse_args()
    found = asyncio.run(run(options.model, options.repeat))
    table = Table("model", title=f"microseconds per decoding step of {SEQUENCES} sequences (medians)")
    table.add_column("in llama.cpp", justify="right")
    table.add_column("beside it", justify="right")
    inside, beside = (f"{statistics.median(column):.0f}" for column in zip(*found, strict=True))
    table.add_row(options.model, inside, beside)
    Console().print(table)


if __name__ == "__main__":
    main()
