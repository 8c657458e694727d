"""Systems side by side on the same held-out items of the zoo, each with its paired difference to a rival."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from agentnet.answers import same
from agentnet.contracts.bodies import Fusion, Task
from agentnet.contracts.protocols import Expression, ProtocolSpec
from agentnet.contracts.usage import Usage
from agentnet.coordinator import Coordinator
from agentnet.evals.statistics import Interval, holm, library, mcnemar, paired_difference, share
from agentnet.zoo.families import FAMILIES
from agentnet.zoo.families.base import Item, distinct

SEED = 7
"""Of the held-out items; the cards are measured with another."""

CONCURRENT = 8


@dataclass(frozen=True, slots=True)
class Answers:
    """What one system did on every item."""

    system: str
    right: tuple[bool, ...]
    usage: Usage
    respelled: int = 0
    """Pieces that some member had to spell anew, where members decoded together."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `gain` and `p` compare with the row's rival, where it has one."""

    family: str
    system: str
    accuracy: Interval
    calls: float
    tokens: float
    respelled: float
    """Pieces that needed alignment for each answer, over all members."""
    rival: str | None = None
    gain: Interval | None = None
    p: float | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


async def compare(
    coordinator: Coordinator,
    family: str,
    systems: Mapping[str, ProtocolSpec],
    rivals: Mapping[str, Sequence[str]],
    items: int,
    done: Callable[[str], None],
) -> list[Row]:
    """A row for each system; those in `rivals` are compared with the best of theirs, found after the fact."""
    library("statsmodels")  # where it is missing, say so before the measuring, not after
    found = distinct(FAMILIES[family], "test", SEED, items)
    answers: dict[str, Answers] = {}
    for name, protocol in systems.items():
        answers[name] = await answers_of(coordinator, name, protocol, found)
        done(f"{family}: {name}")
    rows = []
    for name, ours in answers.items():
        if name not in rivals:
            rows.append(_row(family, ours))
            continue
        rival = max((answers[other] for other in rivals[name]), key=lambda other: sum(other.right))
        gain, p = paired_difference(ours.right, rival.right), mcnemar(ours.right, rival.right)
        rows.append(_row(family, ours, rival.system, gain, p))
    return rows


def corrected(rows: Sequence[Row]) -> list[Row]:
    """The rows with p-values that are corrected for how many comparisons there are (Holm)."""
    adjusted = iter(holm([row.p for row in rows if row.p is not None]))
    return [row if row.p is None else replace(row, p=next(adjusted)) for row in rows]


async def answers_of(coordinator: Coordinator, name: str, protocol: ProtocolSpec, items: Sequence[Item]) -> Answers:
    """Run one system on every item."""
    places = asyncio.Semaphore(CONCURRENT)

    async def one(item: Item) -> tuple[bool, Usage, int]:
        async with places:
            outcome = await coordinator.run(Task(text=item.question, label=item.family), protocol)
        respelled = sum(
            sum(message.body.respelled.values()) for message in outcome.messages if isinstance(message.body, Fusion)
        )
        return outcome.answer is not None and same(outcome.answer, item.answer), outcome.usage, respelled

    results = await asyncio.gather(*(one(item) for item in items))
    right, usages, respelled = zip(*results, strict=True)
    return Answers(name, right, sum(usages, Usage()), sum(respelled))


def _row(
    family: str, answers: Answers, rival: str | None = None, gain: Interval | None = None, p: float | None = None
) -> Row:
    items = len(answers.right)
    return Row(
        family,
        answers.system,
        share(sum(answers.right), items),
        answers.usage.calls / items,
        answers.usage.tokens / items,
        answers.respelled / items,
        rival,
        gain,
        p,
    )


def inline(expression: Expression) -> ProtocolSpec:
    """An expression as a protocol without a name of its own."""
    return ProtocolSpec(name="inline", summary="", protocol=expression)
