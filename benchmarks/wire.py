"""``python -m benchmarks.wire``: a fused step of two members in two other processes, beside the same in this process.

Each of two node processes serves one model, with one thread, over the WebSocket that nodes serve (`serving/tokens`).
The members decode together piece by piece (DuetNet) or byte by byte (PI with exact marginals), and say the same text in
both ways: that is checked, piece by piece. The time is that of a text without its prompt and without the making of
connections, divided by its steps: pieces, or the tokens that the first model makes of the text. *Fast steps* is the
tenth percentile of the single pieces' or bytes' times: what other work on the machine leaves alone.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import socket
import statistics
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import uvicorn
from rich.console import Console
from rich.table import Table
from starlette.applications import Starlette

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.nodes import Abilities, Offer
from agentnet.fusion.loop import Fused, FusionLoop
from agentnet.fusion.members import LocalMember
from agentnet.fusion.strategies import DuetNet, Mean
from agentnet.models.addresses import joined_near
from agentnet.models.base import Model, Request
from agentnet.models.llama import LlamaModel
from agentnet.models.node.client import NodeClient
from agentnet.models.tokens import TokenStepper, hold
from agentnet.serving.tokens import TokenService
from benchmarks.generated import model_file, names_in, usable, words

PROMPT, TOKENS, CONTEXT = 32, 64, 1024
MODELS = ["zoo:math+zoo:sage", "zoo:math", "tiny@llama-bpe", "tiny@qwen2+tiny@llama-bpe", "m100@qwen2"]
"""Two copies of one, or two different ones."""


@dataclass(frozen=True)
class Member:
    """What a node serves."""

    model: Model
    path: Path


def load(path: Path) -> LlamaModel:
    # A cache that is not reused: both ways then compute the same bits.
    spec = LlamaSpec(path=str(path), threads=1, context=CONTEXT, sequences=1, reuse_prefix=False)
    return LlamaModel(path, spec)


async def serve(path: Path) -> None:
    """Serve a model at a free port, which is printed, until the standard input ends."""
    model = load(path)
    listening = socket.create_server(("127.0.0.1", 0))
    service = TokenService({"member": Member(model, path)}, lambda name: nullcontext())
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=service.routes()), log_level="error", lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    print(listening.getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.should_exit = True
    await serving
    await model.close()


@asynccontextmanager
async def node(path: Path) -> AsyncIterator[NodeClient]:
    """Start a process that serves a model."""
    program = [sys.executable, "-m", "benchmarks.wire", "--serve", str(path)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*program, stdin=pipe, stdout=pipe)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        offer = Offer(name="member", digest="0" * 64, abilities=Abilities(scores=True, tokens=True))
        client = NodeClient(f"http://127.0.0.1:{port}", offer, policy=joined_near("127.0.0.0/8"))
        try:
            yield client
        finally:
            await client.close()
    finally:
        process.stdin.close()
        await process.wait()


async def write(models: Sequence[TokenStepper], prompt: str, *, bytewise: bool) -> tuple[Fused, list[float]]:
    """Return a text of several models, and when each of its pieces was said, in seconds from the end of the prompt."""
    request = Request(({"role": "user", "content": prompt},))
    sessions = [await model.open_session(request) for model in models]
    members = [LocalMember(str(number), session) for number, session in enumerate(sessions)]
    async with hold(sessions):
        await asyncio.gather(*(member.begin() for member in members))
        agreeing = [member.by_bytes() for member in members] if bytewise else members
        strategy, times = Mean() if bytewise else DuetNet(values="logprobs"), [time.perf_counter()]
        loop = FusionLoop(agreeing, strategy, TOKENS, on_piece=lambda *_: times.append(time.perf_counter()))
        return await loop.decode(), times


def question(draw: random.Random) -> str:
    """Return a sum as the zoo's members are asked for it."""
    return f"What is {draw.randrange(100, 1000)} + {draw.randrange(100, 1000)}?\nsolve"


async def measure(name: str, repeat: int) -> dict[tuple[str, str], list[float]]:
    """Milliseconds per step, by layer and way, one for each repetition. Raises `AssertionError` for unequal texts."""
    paths = [model_file(one) for one in names_in(name)]
    found: dict[tuple[str, str], list[float]] = {}
    async with AsyncExitStack() as stack:
        here: list[LlamaModel] = []
        for path in paths:
            here.append(await asyncio.to_thread(load, path))
            stack.push_async_callback(here[-1].close)
        there = [await stack.enter_async_context(node(path)) for path in paths]
        draw = random.Random(0)
        for repetition in range(-1, repeat):  # the first one warms up
            prompt = question(draw) if name.startswith("zoo:") else words(PROMPT, draw) + "\n"
            for bytewise in (False, True):
                layer = "bytes" if bytewise else "pieces"
                fused, expected = {}, None
                ways: list[tuple[str, Sequence[TokenStepper]]] = [("in process", here), ("wire", there)]
                draw.shuffle(ways)
                for way, models in ways:
                    fused[way], times = await write(models, prompt, bytewise=bytewise)
                    expected = expected or [choice.piece for choice in fused[way].choices]
                    assert [choice.piece for choice in fused[way].choices] == expected, "the texts differ"
                    assert not fused[way].dropped, fused[way].dropped
                    steps = len(here[0].tokens(fused[way].text)) if bytewise else len(expected)
                    if repetition >= 0:
                        found.setdefault((layer, way), []).append((times[-1] - times[0]) / steps * 1000)
                        single = [(end - start) * 1000 for start, end in pairwise(times)]
                        found.setdefault((layer, f"{way}, steps"), []).extend(single)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.wire", description=__doc__)
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(options.serve))
        return
    table = Table("two of", "layer", title="milliseconds per fused step (medians); the same texts piece by piece")
    for heading in ("in process", "wire", "÷", "fast steps", "wire", "÷"):
        table.add_column(heading, justify="right")
    for name in usable(options.models):
        found = asyncio.run(measure(name, options.repeat))
        for layer in ("pieces", "bytes"):
            here, there = found[layer, "in process"], found[layer, "wire"]
            ratio = statistics.median(one / other for other, one in zip(here, there, strict=True))
            medians = f"{statistics.median(here):.2f}", f"{statistics.median(there):.2f}"
            near, far = (statistics.quantiles(found[layer, f"{way}, steps"], n=10)[0] for way in ("in process", "wire"))
            table.add_row(name, layer, *medians, f"{ratio:.2f}", f"{near:.2f}", f"{far:.2f}", f"{far / near:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
