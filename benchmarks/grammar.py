"""``python -m benchmarks.grammar``: replies held to a grammar, compared with free text of as many tokens.

The models say a text of their own whatever is asked. In a verdict the reason is theirs; in the worst cases a grammar
rejects every choice of theirs, with a few tokens allowed (numbers) or most of the vocabulary (capitals). Forced tokens
count as tokens of the reply.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.sampling import Sampling
from agentnet.models.base import Completion, Request
from agentnet.models.devices import physical_cores
from agentnet.models.llama import LlamaModel
from benchmarks.generated import model_file, usable
from benchmarks.memory import resident_mib

MODELS = ("tiny@qwen2", "m100@qwen2", "m100@llama-bpe")
ASKED = "Tell me.\n"
_VERDICT = {
    "type": "object",
    "properties": {
        "reason": {"type": "string", "minLength": 100, "maxLength": 100},
        "verdict": {"enum": ["approve", "disapprove"]},
    },
    "required": ["reason", "verdict"],
    "additionalProperties": False,
}
_NUMBER = {"type": "integer", "minimum": 100_000, "maximum": 999_999}
CASES: Mapping[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "verdict": (_VERDICT, {}),
    "verdict, sampled": (_VERDICT, {"temperature": 0.8, "top_k": 40, "top_p": 0.95, "seed": 1}),
    "numbers": ({"type": "array", "items": _NUMBER, "minItems": 6, "maxItems": 6}, {}),
    "numbers, sampled": ({"type": "array", "items": _NUMBER, "minItems": 6, "maxItems": 6}, {"temperature": 0.8}),
    "capitals": ({"type": "string", "pattern": "^[^a-z]{60}$"}, {}),
}
"""Name → the JSON Schema, and the sampling settings."""


@dataclass(frozen=True)
class Pair:
    """One constrained reply and one free reply of as many tokens."""

    tokens: int
    forced: int
    constrained: float
    """Seconds."""
    free: float


async def measure(model: LlamaModel, schema: dict[str, Any], settings: dict[str, Any], rounds: int) -> list[Pair]:
    """Return a pair for each round. What is compiled once, and the common prompt, are there before the first one."""
    pairs: list[Pair] = []
    for round in range(-1, rounds):
        before = model.stats
        held, constrained = await _timed(model, schema, {"max_tokens": 400, **settings})
        forced = model.stats.forced_tokens - before.forced_tokens
        tokens = held.usage.completion_tokens
        _, free = await _timed(model, None, {"max_tokens": tokens, **settings})
        if round >= 0:
            pairs.append(Pair(tokens, forced, constrained, free))
    return pairs


async def _timed(
    model: LlamaModel, schema: dict[str, Any] | None, settings: dict[str, Any]
) -> tuple[Completion, float]:
    request = Request(({"role": "user", "content": ASKED},), Sampling(**settings), schema=schema)
    started = time.perf_counter()
    reply = await model.generate(request)
    return reply, time.perf_counter() - started


async def run(name: str, rounds: int, table: Table) -> None:
    path = model_file(name)
    model = LlamaModel(path, LlamaSpec(path=str(path), threads=physical_cores(), context=1024))
    try:
        await _timed(model, None, {"max_tokens": 8})
        before = resident_mib()
        _, seconds = await _timed(model, {"const": 1}, {})
        first = f"{seconds:.2f} s, {resident_mib() - before:.0f} MiB"
        for case, (schema, settings) in CASES.items():
            pairs = await measure(model, schema, settings, rounds)
            table.add_row(
                name,
                case,
                str(pairs[0].tokens),
                str(pairs[0].forced),
                f"{1e3 * statistics.median(pair.constrained / pair.tokens for pair in pairs):.2f}",
                f"{1e3 * statistics.median(pair.free / pair.tokens for pair in pairs):.2f}",
                f"{statistics.median(pair.constrained / pair.free for pair in pairs):.2f}",
                first if case == "verdict" else "",
                end_section=case == "capitals",
            )
    finally:
        await model.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.grammar", description=__doc__)
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    table = Table(title="replies held to a grammar (medians; milliseconds per token)")
    for heading in ("model", "reply"):
        table.add_column(heading, no_wrap=True)
    for heading in ("tokens", "forced", "held", "free", "held ÷ free", "first one"):
        table.add_column(heading, justify="right")
    for name in usable(options.models):
        asyncio.run(run(name, options.rounds, table))
    Console().print(table)


if __name__ == "__main__":
    main()
