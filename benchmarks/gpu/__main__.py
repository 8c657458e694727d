"""``python -m benchmarks.gpu``: everything that says what a GPU is worth, as tables for docs/gpu.md.

1. Memory: what the plan announces, and what the driver's free memory shrinks by.
2. Tokens per second of several agents, beside a `llama-server` that is built for the same device.
3. Two models of different vocabularies that write one text on one card, beside the slower of them alone.

The models have random weights of 4 bits, about 1.3 and 7.6 billion, and say a known text: so it is seen that offload
computes what the CPU does. All is written on first use: 6 GB of models, and the server, which takes minutes to compile.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path

from agentnet.models.devices import physical_cores
from benchmarks import fusion
from benchmarks.engine.contestants import Contestant, Ours
from benchmarks.engine.one_llama import Load
from benchmarks.engine.throughput import Measured, measure
from benchmarks.generated import FOLDER, model_file, usable
from benchmarks.gpu.memory import occupied
from benchmarks.gpu.tables import FUSED, MEMORY, SPEED, fused_rows, memory_row, speed_rows, table
from benchmarks.gpu.target import Target

CONTEXT = 512
MODELS = ["m1000@qwen2", "m7000@qwen2"]
PAIRS = ["m1000@qwen2+m1000@llama-bpe", "m7000@qwen2+m1000@llama-bpe"]
SMALL_MODELS, SMALL_PAIRS = ["tiny@gpt-2"], ["tiny@gpt-2+tiny@llama-spm"]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__.partition("\n\n")[0])
    parser.add_argument("--device", choices=["gpu", "cpu"], default="gpu", help="cpu: run where there is no GPU")
    parser.add_argument("--small", action="store_true", help="tiny models, a minute: shows that the command works")
    parser.add_argument("--repeat", type=int, default=5, help="repetitions of each measurement")
    parser.add_argument("--agents", type=int, nargs="+", default=[1, 4, 8], help="agents at once")
    parser.add_argument("--threads", type=int, default=physical_cores(), help="threads of each contestant")
    parser.add_argument("--out", type=Path, default=FOLDER / "gpu.md", help="the file for the tables")
    options = parser.parse_args(arguments)
    target = Target.chosen(options.device)
    models, pairs = (SMALL_MODELS, SMALL_PAIRS) if options.small else (MODELS, PAIRS)
    page = asyncio.run(run(target, list(usable(models)), list(usable(pairs)), options))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(page, encoding="utf-8")
    print(f"\n{page}\nwritten to {options.out}")


async def run(target: Target, models: Sequence[str], pairs: Sequence[str], options: argparse.Namespace) -> str:
    """Return the page of all tables."""
    parts = [f"`python -m benchmarks.gpu` on {target}."]
    print("memory …")
    occupations = [await occupied(group, target, options.threads) for group in [*models, *pairs]]
    parts.append(table(MEMORY, map(memory_row, occupations)))
    missing = target.build_server()
    contestants: list[type[Contestant]] = [Ours, *([] if missing else [target.server()])]
    rows: list[Measured] = []
    for name in models:
        for count in options.agents:
            print(f"tokens per second of {name}, {count} agents …")
            rows += await measure(
                name, Load(model_file(name), count, options.threads, CONTEXT), contestants, options.repeat
            )
    parts.append(table(SPEED, speed_rows(rows)) + (f"\n\n{missing}" if missing else ""))
    found: list[tuple[str, dict[str, list[float]]]] = []
    for pair in pairs:
        print(f"{pair} together …")
        found.append((pair, await fusion.measure(pair, options.repeat)))
    parts.append(table(FUSED, fused_rows(found)))
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
