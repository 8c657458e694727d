"""``python -m benchmarks.fusion_cost``: what fusion itself computes and keeps, apart from the models.

*Softmax* is one softmax in single precision over the row of each member: the least that anything costs that looks at
every logit. The steps read the same rows and choose. *Kept* is the memory beyond the open models behind a text by
pieces and one by bytes; *left* is what such a round leaves behind when its models are closed.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import gc
import os
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.sampling import Sampling
from agentnet.fusion.byte_level import ByteDistribution
from agentnet.fusion.byte_view import ByteView
from agentnet.fusion.logits_view import LogitsView
from agentnet.fusion.ranking import Ranking
from agentnet.fusion.strategies import DuetNet, Mean, Strategy, UniTE
from agentnet.fusion.token_weights import TokenWeights
from agentnet.fusion.tokenizer_view import tokenizer_view
from agentnet.models.base import Request
from agentnet.models.llama import LlamaModel
from agentnet.models.tokens import LogitsRow, Row
from benchmarks.fusion import CONTEXT, fused, fused_by_bytes
from benchmarks.generated import model_file, names_in, usable

MODELS = ["tiny@qwen2", "tiny@qwen2+tiny@llama-bpe"]
LINE = "Tell me.\n"
INSIDE = b" T"
"""The models begin with a token that is longer than this."""
REPEAT = 101


async def opened(names: Sequence[str], stack: AsyncExitStack) -> list[LlamaModel]:
    """Open models with one thread each; the stack closes them."""
    models = []
    for name in names:
        path = model_file(name)
        spec = LlamaSpec(path=str(path), threads=1, context=CONTEXT, sequences=1)
        models.append(await asyncio.to_thread(LlamaModel, path, spec))
        stack.push_async_callback(models[-1].close)
    return models


async def computing(group: str) -> dict[str, float]:
    """Milliseconds of a softmax over the members' rows, and of steps that read these rows and choose."""
    async with AsyncExitStack() as stack:
        models = await opened(names_in(group), stack)
        sessions = [await model.open_session(Request(({"role": "user", "content": LINE},))) for model in models]
        rows = [await session.step([], Row()) for session in sessions]
        members = list(zip(rows, (tokenizer_view(session).vocabulary for session in sessions), strict=True))

    def pieces(strategy: Strategy) -> Callable[[], object]:
        return lambda: strategy.choose([
            LogitsView(str(number), vocabulary, Ranking(row, vocabulary.silent))
            for number, (row, vocabulary) in enumerate(members)
        ])  # fmt: skip

    def bytewise(distributions: list[ByteDistribution]) -> object:
        return Mean().choose([
            ByteView(str(number), distribution.next()) for number, distribution in enumerate(distributions)
        ])  # fmt: skip

    def begun() -> list[ByteDistribution]:
        distributions = []
        for row, vocabulary in members:
            distributions.append(ByteDistribution(vocabulary))
            distributions[-1].unread[0].weights = TokenWeights(vocabulary, row)
        bytewise(distributions)
        return distributions

    def written() -> None:
        distributions = begun()
        for place in range(len(INSIDE)):
            for distribution in distributions:
                distribution.append(INSIDE[place : place + 1])
            bytewise(distributions)

    found = {"softmax": median_ms(lambda: [softmax(row) for row, _ in members])}
    found |= {
        "pieces, DuetNet": median_ms(pieces(DuetNet(values="logprobs"))),
        "pieces, PI": median_ms(pieces(Mean())),
        "pieces, UniTE": median_ms(pieces(UniTE())),
        "bytes, a token's first": median_ms(begun),
    }
    found["bytes, each further"] = (median_ms(written) - found["bytes, a token's first"]) / len(INSIDE)
    return found


def softmax(row: LogitsRow) -> LogitsRow:
    weights = row - row.max()
    np.exp(weights, out=weights)
    weights /= weights.sum()
    return weights


def median_ms(run: Callable[[], object]) -> float:
    times = []
    for _ in range(REPEAT):
        started = time.perf_counter()
        run()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


async def memory(group: str) -> float:
    """MiB that fusion has added to open models behind a text by pieces and one by bytes."""
    async with AsyncExitStack() as stack:
        models = await opened(names_in(group), stack)
        for model in models:
            await model.generate(Request(({"role": "user", "content": LINE},), Sampling(max_tokens=64)))
        before = resident()
        await fused(models)(LINE)
        await fused_by_bytes(models)(LINE)
        return resident() - before


def resident() -> float:
    """MiB of this process, when garbage was collected and the allocator has given back what it keeps."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fusion_cost", description=__doc__)
    parser.add_argument("--models", nargs="+", default=MODELS)
    options = parser.parse_args()
    costs = Table("two of", "step", title="own cost, of all members together (medians)")
    kept = Table("two of", title="memory, MiB")
    for heading in ("ms", "÷ softmax"):
        costs.add_column(heading, justify="right")
    for heading in ("kept", "left"):
        kept.add_column(heading, justify="right")
    for group in usable(options.models):
        found = asyncio.run(computing(group))
        for step, milliseconds in found.items():
            ratio = milliseconds / found["softmax"]
            costs.add_row(group, step, f"{milliseconds:.3f}", f"{ratio:.2f}", end_section=step == list(found)[-1])
        asyncio.run(memory(group))
        closed = resident()
        used = asyncio.run(memory(group))
        kept.add_row(group, f"{used:.1f}", f"{resident() - closed:.1f}")
    Console().print(costs, kept)


if __name__ == "__main__":
    main()
