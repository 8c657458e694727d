"""``python -m benchmarks.engine.soak``: thousands of mixed requests against one engine that is short of everything.

Random lengths, priorities, schemas, seeds, streams, scores and cancellations on a KV cache so small that prefixes are
evicted and swapped out and requests preempted. Every answer is compared with the same request run alone, on an engine
that serves one at a time and keeps nothing. llama.cpp does not promise equal bits for a batch and alone, so where two
greedy texts part, they must part at a tie. Memory must stay flat. Any violation ends with exit code 1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.sampling import Sampling
from agentnet.models.base import Completion, Request, Scores
from agentnet.models.llama import LlamaModel
from agentnet.models.llama.stats import EngineStats
from agentnet.zoo import catalog
from agentnet.zoo.families import FAMILIES
from agentnet.zoo.families.base import distinct

SEQUENCES, CELLS, PARKED_MIB = 8, 256, 2
AT_ONCE = 24
"""Requests on their way at the same moment."""
STUCK = 60.0
"""Seconds without an answer that count as a deadlock."""
TIE = 0.02
"""Log-probability by which two tokens may differ and still be a tie."""
FLIPS = 0.1
"""Share of drawn texts that may part from those alone: a draw flips with probability of the size of the noise, at every
one of its tokens. A mixed-up answer would part nearly always."""
GROWTH = 16 * 2**20
"""Bytes that the process may grow between the first quarter and the end."""
_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"reason": {"type": "string", "maxLength": 30}, "verdict": {"enum": ["approve", "disapprove"]}},
    "required": ["reason", "verdict"],
    "additionalProperties": False,
}
_START = '{"reason":"'

Answer = Completion | Scores


@dataclass(frozen=True)
class Asked:
    request: Request
    replies: tuple[str, ...] = ()
    """What is to be scored; empty where a reply is to be written."""
    patience: float | None = None
    """Seconds after which the caller gives up."""


@dataclass
class Report:
    outcomes: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    stats: EngineStats = field(default_factory=EngineStats)

    @property
    def growth(self) -> int:
        """Bytes by which the process grew since the first quarter."""
        return self.memory[-1] - self.memory[len(self.memory) // 4]


def draw_request(draw: random.Random) -> Asked:
    """One request out of everything that may come."""
    questions = [draw.choice(_questions()) for _ in range(draw.choice((1, 1, 2)))]
    if draw.random() < 0.5:
        questions = [*draw.choice(_openings()), *questions]
    text = "\n".join(questions)
    role = draw.choice(("solve", "verify", "critique"))
    schema = _SCHEMA if draw.random() < 0.25 else None
    request = Request(
        ({"role": "user", "content": f"{text}\n{role}"},),
        Sampling(
            max_tokens=draw.choice((1, 8, 40, 90)),
            temperature=draw.choice((0.0, 0.0, 0.0, 0.9)),
            seed=draw.randrange(1000),
            stop=draw.choice(((), (), ("=>",))),
        ),
        schema=schema,
        logprobs=schema is None or draw.random() < 0.5,  # without them, forced tokens are evaluated together
        priority=draw.choice((0, 0, 0, 1, 3, -1)),
    )
    replies = ("yes", "no", '{"verdict":"approve"}', '{"verdict":"disapprove"}') if draw.random() < 0.15 else ()
    return Asked(request, replies, draw.uniform(0, 0.05) if draw.random() < 0.15 else None)


_QUESTIONS: list[str] = []


def _questions() -> list[str]:
    if not _QUESTIONS:
        for name in ("math", "facts", "reading", "symbols"):
            _QUESTIONS.extend(item.question for item in distinct(FAMILIES[name], "test", 7, 40))
    return _QUESTIONS


def _openings() -> list[list[str]]:
    """Some beginnings that many requests have in common."""
    return [_questions()[place : place + 2] for place in range(0, 12, 2)]


async def answer(model: LlamaModel, asked: Asked) -> Answer:
    if asked.replies:
        return await model.score(asked.request, asked.replies)
    return await model.generate(asked.request)


def problem(got: Answer, alone: Answer, asked: Asked) -> str:
    """What is wrong with an answer; empty if it is what the model says alone, or parts from that at a tie."""
    if isinstance(got, Scores) or isinstance(alone, Scores):
        assert isinstance(got, Scores)
        assert isinstance(alone, Scores)
        worst = max(abs(one - other) for one, other in zip(got.totals, alone.totals, strict=True))
        return f"scores differ by {worst:.3f}" if worst > 0.5 else ""
    if got.text == alone.text and got.finish == alone.finish:
        return ""
    if asked.request.sampling.temperature:
        return ""  # a draw flips where it falls between two tokens: those are counted, see `soak`
    if got.logprobs is None:
        return "" if _obeys(got) else f"{got.text!r} does not obey the schema"
    assert alone.logprobs is not None
    for one, other in zip(got.logprobs, alone.logprobs, strict=False):
        if abs(one - other) > TIE:  # the first token that is not about as likely: the texts parted before
            break
    else:
        return ""
    return "" if _parted_at_a_tie(got, alone) else f"{got.text!r} instead of {alone.text!r} ({asked.request.sampling})"


def _obeys(got: Completion) -> bool:
    """Whether a constrained reply has its form, as far as it was written and no stop string ended it."""
    if got.finish == "length" or not got.text.endswith("}"):
        return got.text.startswith(_START[: len(got.text)])
    return json.loads(got.text)["verdict"] in ("approve", "disapprove")


def _parted_at_a_tie(got: Completion, alone: Completion) -> bool:
    """Whether somewhere before the log-probabilities part, the token said was not a sure one.

    A flip needs a rival that is about as likely: then neither has more than half of the probability.
    """
    assert got.logprobs is not None
    assert alone.logprobs is not None
    for one, other in zip(got.logprobs, alone.logprobs, strict=False):
        if abs(one - other) > TIE:
            return False
        if one < -0.6:
            return True
    return False


async def soak(requests: int, seconds: float, seed: int = 0) -> Report:
    """Send the requests, spread over `seconds`; at most `AT_ONCE` are on their way at once."""
    path = catalog.path("atlas")
    busy = LlamaSpec(
        path=str(path), threads=1, sequences=SEQUENCES, cache_tokens=CELLS, parked_mib=PARKED_MIB, context=CELLS
    )
    quiet = LlamaSpec(path=str(path), threads=1, context=CELLS, sequences=1, reuse_prefix=False)
    model, reference = [await asyncio.to_thread(LlamaModel, path, spec) for spec in (busy, quiet)]
    draw, report, door = random.Random(seed), Report(), asyncio.Semaphore(AT_ONCE)
    progress = time.monotonic()

    async def one(asked: Asked) -> None:
        nonlocal progress
        async with door:
            try:
                got = await asyncio.wait_for(answer(model, asked), asked.patience)
            except TimeoutError:
                report.outcomes["given up"] += 1
                return
            alone = await answer(reference, asked)
        progress = time.monotonic()
        report.outcomes["scored" if asked.replies else "written"] += 1
        if isinstance(got, Completion) and isinstance(alone, Completion):
            way = "drawn" if asked.request.sampling.temperature else "greedy"
            report.outcomes[f"{way}, as alone" if got.text == alone.text else f"{way}, parted"] += 1
        if wrong := problem(got, alone, asked):
            report.violations.append(wrong)

    started = time.monotonic()
    try:
        tasks = []
        for number in range(requests):
            tasks.append(asyncio.create_task(one(draw_request(draw))))
            burst = number // AT_ONCE * AT_ONCE  # in bursts, or nobody would be short of anything
            await asyncio.sleep(max(0.0, started + seconds * burst / requests - time.monotonic()))
            if number % max(1, requests // 40) == 0:
                report.memory.append(_resident())
        while not all(task.done() for task in tasks):
            await asyncio.wait(tasks, timeout=1)
            if time.monotonic() - progress > STUCK:
                report.violations.append(f"nothing was answered for {STUCK:g} seconds")
                break
        drawn = report.outcomes["drawn, as alone"] + report.outcomes["drawn, parted"]
        if report.outcomes["drawn, parted"] > FLIPS * drawn + 3:
            report.violations.append(
                f"{report.outcomes['drawn, parted']} of {drawn} drawn texts parted from those alone"
            )
        report.violations += [repr(task.exception()) for task in tasks if task.done() and task.exception()]
        report.memory.append(_resident())
        report.stats = model.stats
    finally:
        await asyncio.gather(model.close(), reference.close())
    return report


def _resident() -> int:
    """Bytes of memory that the process holds."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine.soak", description=__doc__)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    report = asyncio.run(soak(options.requests, options.seconds, options.seed))
    if report.growth > GROWTH:
        report.violations.append(f"the process grew by {report.growth / 2**20:.1f} MiB")
    table = Table("", "", title=f"{options.requests} requests in {options.seconds:g} seconds", show_header=False)
    stats = report.stats
    rows = dict(report.outcomes) | {
        "memory grown since the first quarter": f"{report.growth / 2**20:.1f} MiB",
        "sequences evicted, restored": f"{stats.evicted}, {stats.restored}",
        "requests preempted": stats.preempted,
        "prompt tokens, of them reused": f"{stats.prompt_tokens}, {stats.reused_tokens}",
        "violations": len(report.violations),
    }
    for name, value in rows.items():
        table.add_row(name, str(value))
    console = Console()
    console.print(table)
    for wrong in report.violations[:20]:
        console.print(f"[red]✗[/] {wrong}", highlight=False)
    sys.exit(1 if report.violations else 0)


if __name__ == "__main__":
    main()
