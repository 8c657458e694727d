"""``python -m benchmarks.fusion``: what a fused token costs, beside the slowest member alone and beside HTTP.

Two models decode together, one thread each: piece by piece (DuetNet), or byte by byte (PI with exact marginals), where
the time is per token that the first model makes of the text. *Alone* is the slower of them when each writes by itself
with that thread and the other rests; *side by side* is both writing at once, each its own text: what they cost each
other. Over HTTP the same step is one request for one token with its ten likeliest to each of two `llama-server`s: with
the full text as prompt, as the published prototype does it, and with tokens and the prompt cache, its best form.
Everybody has read the prompt before: what is timed is the reply.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.sampling import Sampling
from agentnet.fusion.loop import FusionLoop
from agentnet.fusion.members import LocalMember
from agentnet.fusion.speculation import Speculation
from agentnet.fusion.strategies import DuetNet, Mean
from agentnet.models.base import Request
from agentnet.models.llama import LlamaModel
from agentnet.models.tokens import hold
from benchmarks.engine.contestants import LlamaServer
from benchmarks.engine.one_llama import Load
from benchmarks.generated import model_file, names_in, usable, words

PROMPT, TOKENS, CONTEXT = 64, 64, 512
PROBABLE = 10
MODELS = [
    "zoo:scout",
    "zoo:atlas",
    "m100",
    "tiny@llama-bpe",
    "tiny@qwen2",
    "tiny@qwen2+tiny@llama-bpe",
    "m100@llama-bpe",
    "m100@qwen2",
    "m100@qwen2+m100@llama-bpe",
]
"""Two copies of one, or two of different vocabularies."""

Run = Callable[[str], Awaitable[float]]
"""Writes about `TOKENS` tokens behind a prompt; the milliseconds that one took."""


async def write(model: LlamaModel, prompt: str) -> float:
    started = time.perf_counter()
    await model.generate(Request(({"role": "user", "content": prompt},), Sampling(max_tokens=TOKENS)))
    return _since(started, TOKENS)


def _since(started: float, tokens: int) -> float:
    """Milliseconds per token since a time."""
    return (time.perf_counter() - started) / tokens * 1000


def alone(models: list[LlamaModel]) -> Run:
    async def run(prompt: str) -> float:
        return max([await write(model, prompt) for model in models])

    return run


def side_by_side(models: list[LlamaModel]) -> Run:
    async def run(prompt: str) -> float:
        return max(await asyncio.gather(*(write(model, prompt) for model in models)))

    return run


def fused(models: list[LlamaModel], *, speculate: bool = False) -> Run:
    async def run(prompt: str) -> float:
        started = time.perf_counter()
        request = Request(({"role": "user", "content": prompt},))
        sessions = [await model.open_session(request) for model in models]
        members = [LocalMember(str(number), session) for number, session in enumerate(sessions)]
        async with hold(sessions):
            speculation = Speculation(members) if speculate else None
            loop = FusionLoop(members, DuetNet(values="logprobs"), limit=TOKENS, speculation=speculation)
            said = await loop.decode()
        assert len(said.choices) == TOKENS, len(said.choices)
        return _since(started, TOKENS)

    return run


def fused_by_bytes(models: list[LlamaModel], *, speculate: bool = False) -> Run:
    async def run(prompt: str) -> float:
        started = time.perf_counter()
        request = Request(({"role": "user", "content": prompt},))
        sessions = [await model.open_session(request) for model in models]
        members = [LocalMember(str(number), session).by_bytes() for number, session in enumerate(sessions)]
        async with hold(sessions):
            speculation = Speculation(members) if speculate else None
            said = await FusionLoop(members, Mean(), limit=TOKENS, speculation=speculation).decode()
        return _since(started, len(models[0].tokens(said.text)))

    return run


def over_http(clients: list[httpx.AsyncClient], *, as_tokens: bool) -> Run:
    """One request for one token to each server, and the sum of log-probabilities; both have one vocabulary."""

    async def ask(client: httpx.AsyncClient, prompt: Any) -> list[dict[str, Any]]:
        body = {"prompt": prompt, "n_predict": 1, "n_probs": PROBABLE, "temperature": 0, "cache_prompt": True}
        reply = (await client.post("/completion", json=body)).raise_for_status().json()
        found: list[dict[str, Any]] = reply["completion_probabilities"][0]["top_logprobs"]
        return found

    async def run(prompt: str) -> float:
        started = time.perf_counter()
        text = prompt
        tokens = (await clients[0].post("/tokenize", json={"content": prompt})).json()["tokens"]
        for _ in range(TOKENS):
            tops = await asyncio.gather(*(ask(client, tokens if as_tokens else text) for client in clients))
            scores: dict[int, float] = {}
            spelled: dict[int, str] = {}
            for top in tops:
                for entry in top:
                    scores[entry["id"]] = scores.get(entry["id"], 0.0) + entry["logprob"] + 20
                    spelled[entry["id"]] = entry["token"]
            best = max(scores, key=lambda token: scores[token])
            tokens.append(best)
            text += spelled[best]
        return _since(started, TOKENS)

    return run


async def measure(name: str, repeat: int) -> dict[str, list[float]]:
    """Milliseconds per token of everybody, one for each repetition. Over HTTP only if both have one vocabulary."""
    paths = [model_file(one) for one in names_in(name)]
    found: dict[str, list[float]] = {}
    async with AsyncExitStack() as stack:
        models = []
        for path in paths:
            spec = LlamaSpec(path=str(path), threads=1, context=CONTEXT, sequences=1)
            models.append(await asyncio.to_thread(LlamaModel, path, spec))
            stack.push_async_callback(models[-1].close)
        ways = {
            "alone": alone(models),
            "side by side": side_by_side(models),
            "fused": fused(models),
            "fused, bytes": fused_by_bytes(models),
            "fused, speculating": fused(models, speculate=True),
            "fused, bytes, speculating": fused_by_bytes(models, speculate=True),
        }
        if len({*paths}) == 1 and not LlamaServer.missing():
            load = Load(paths[0], 1, 1, CONTEXT)
            servers = [await stack.enter_async_context(LlamaServer.open(load)) for _ in paths]
            clients = [server.client for server in servers]
            ways["HTTP, tokens"] = over_http(clients, as_tokens=True)
            ways["HTTP, text"] = over_http(clients, as_tokens=False)
        draw = random.Random(0)
        order = list(ways)
        for repetition in range(-1, repeat):  # the first one warms up
            draw.shuffle(order)
            prompt = words(PROMPT, draw) + "\n"  # behind a line break, chains begin
            for way in order:
                await ways[way](prompt)  # who has read the prompt
                milliseconds = await ways[way](prompt)
                if repetition >= 0:
                    found.setdefault(way, []).append(milliseconds)
    return {way: found[way] for way in ways}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fusion", description=__doc__)
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--repeat", type=int, default=9)
    options = parser.parse_args()
    table = Table("two of", "way", title="milliseconds per token (medians)")
    for heading in ("ms", "÷ alone", "÷ fused"):
        table.add_column(heading, justify="right")
    for name in usable(options.models):
        found = asyncio.run(measure(name, options.repeat))
        for way, times in found.items():
            table.add_row(
                name,
                way,
                f"{statistics.median(times):.2f}",
                *(
                    f"{statistics.median(one / other for one, other in zip(times, found[base], strict=True)):.2f}"
                    for base in ("alone", "fused")
                ),
                end_section=way == list(found)[-1],
            )
    Console().print(table)


if __name__ == "__main__":
    main()
