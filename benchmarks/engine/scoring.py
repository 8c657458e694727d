"""``python -m benchmarks.engine.scoring``: verdicts written with a reason, written without one, and scored.

The zoo's critic judges held-out answers, half of them right. "Agree" is the share of verdicts that are those of the
same form when it is written: to score must not change what is decided, only what it costs.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from rich.console import Console
from rich.table import Table

from agentnet.agents import ModelAgent, Turn, candidate
from agentnet.contracts.bodies import Task, Verdict
from agentnet.contracts.cards import Card
from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.sampling import Sampling
from agentnet.contracts.usage import Usage
from agentnet.errors import ReplyError
from agentnet.models.base import Completion, Scores
from agentnet.models.devices import physical_cores
from agentnet.models.llama import LlamaModel
from agentnet.prompts import find_pack
from agentnet.zoo import catalog
from agentnet.zoo.families import FAMILIES
from agentnet.zoo.families.base import distinct

FAMILIES_JUDGED = ("math", "facts", "symbols")
SEED = 20_261
_CLOSED = {
    "type": "object",
    "properties": {"verdict": {"type": "string", "enum": ["approve", "disapprove"]}},
    "required": ["verdict"],
    "additionalProperties": False,
}

Way = Callable[[ModelAgent, Turn], Awaitable[Completion | Scores]]


async def with_reason(agent: ModelAgent, turn: Turn) -> Completion | Scores:
    return await agent.answer(agent.request(turn))


async def without_reason(agent: ModelAgent, turn: Turn) -> Completion | Scores:
    return await agent.answer(replace(agent.request(turn), schema=_CLOSED))


async def scored(agent: ModelAgent, turn: Turn) -> Completion | Scores:
    turn = replace(turn, scored=True)
    return await agent.score(turn, agent.request(turn))


@dataclass(frozen=True)
class Found:
    verdicts: tuple[str, ...]
    usage: Usage
    seconds: float


async def judge(agent: ModelAgent, way: Way, turns: list[Turn]) -> Found:
    """All verdicts, in batches as large as the engine makes them."""
    started = time.perf_counter()
    replies = await asyncio.gather(*(way(agent, turn) for turn in turns))
    seconds = time.perf_counter() - started
    verdicts = tuple(_verdict(agent, turn, reply) for turn, reply in zip(turns, replies, strict=True))
    return Found(verdicts, sum((reply.usage for reply in replies), Usage()), seconds)


def _verdict(agent: ModelAgent, turn: Turn, reply: Completion | Scores) -> str:
    try:
        body = agent.read(replace(turn, scored=isinstance(reply, Scores)), reply)
    except ReplyError:
        return "none"
    assert isinstance(body, Verdict)
    return body.verdict


async def run(items: int, table: Table) -> None:
    path = catalog.path("critic")
    model = LlamaModel(path, LlamaSpec(path=str(path), threads=physical_cores()))
    agent = ModelAgent("critic", model, Card(), find_pack("compact"), Sampling(max_tokens=catalog.MAX_TOKENS))
    try:
        for family in FAMILIES_JUDGED:
            found = distinct(FAMILIES[family], "test", SEED, items)
            shown = [item.answer if n % 2 else item.wrong[n // 2 % len(item.wrong)] for n, item in enumerate(found)]
            truth = ["approve" if n % 2 else "disapprove" for n in range(items)]
            turns = [
                Turn("verify", Task(text=item.question), read=[candidate(answer)])
                for item, answer in zip(found, shown, strict=True)
            ]
            ways = {"written, with reason": with_reason, "written, without": without_reason, "scored": scored}
            results = {name: await judge(agent, way, turns) for name, way in ways.items()}
            for name, result in results.items():
                same = results["written, without"].verdicts if name == "scored" else result.verdicts
                table.add_row(
                    family,
                    name,
                    f"{_share(result.verdicts, tuple(truth)):.1%}",
                    f"{_share(result.verdicts, same):.1%}" if name == "scored" else "",
                    str(result.usage.completion_tokens),
                    f"{result.seconds:.2f}",
                    end_section=name == "scored",
                )
    finally:
        await model.close()


def _share(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    return sum(a == b for a, b in zip(one, other, strict=True)) / len(one)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine.scoring", description=__doc__)
    parser.add_argument("--items", type=int, default=200, help="verdicts of each family")
    options = parser.parse_args()
    table = Table("family", "verdict", title="verdicts of the zoo's critic")
    for heading in ("right", "agree", "tokens evaluated for it", "seconds"):
        table.add_column(heading, justify="right")
    asyncio.run(run(options.items, table))
    Console().print(table)


if __name__ == "__main__":
    main()
