"""The first table: does collaboration on the zoo beat its rivals on held-out items?

Two comparisons, each on the same items side by side: delegation against every single solver on compound questions, and
verification by the critic against the same proposer alone on math questions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from agentnet.answers import same
from agentnet.collab.library import find_protocol
from agentnet.contracts.bodies import Task
from agentnet.contracts.protocols import Ask, Expression, ProtocolSpec, Verify
from agentnet.contracts.usage import Usage
from agentnet.coordinator import Coordinator
from agentnet.evals.statistics import Interval, mcnemar, paired_difference, share
from agentnet.network import Network
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


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `gain` and `p` compare with the row's rival, where it has one."""

    family: str
    system: str
    accuracy: Interval
    calls: float
    tokens: float
    rival: str | None = None
    gain: Interval | None = None
    p: float | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


async def first_light(network: Network, items: int = 200, done: Callable[[str], None] = lambda _: None) -> list[Row]:
    """Run both comparisons on an open zoo network; `done` is told each system as it is finished.

    Every table has `best`: the single agent that the cards choose in advance.
    """
    coordinator = Coordinator(network)
    solvers = [agent.name for agent in network if "solver" in agent.card.roles]
    proposers = [agent.name for agent in network if "generalist" in agent.card.roles]
    alone = {name: _protocol(Ask(agent=name)) for name in solvers}
    best = {"best": find_protocol("best")}
    verified = {f"{name} + critic": _protocol(Verify(proposer=Ask(agent=name))) for name in proposers}
    compound = {**alone, **best, "delegation": find_protocol("delegation")}
    math = {**{name: alone[name] for name in proposers}, **best, **verified}
    return [
        *await _compare(coordinator, "compound", compound, {"delegation": solvers}, items, done),
        *await _compare(coordinator, "math", math, {f"{name} + critic": [name] for name in proposers}, items, done),
    ]


async def _compare(
    coordinator: Coordinator,
    family: str,
    systems: dict[str, ProtocolSpec],
    rivals: dict[str, Sequence[str]],
    items: int,
    done: Callable[[str], None],
) -> list[Row]:
    """A row for each system; those in `rivals` are compared with the best of theirs, found after the fact."""
    found = distinct(FAMILIES[family], "test", SEED, items)
    answers: dict[str, Answers] = {}
    for name, protocol in systems.items():
        answers[name] = await _answers(coordinator, name, protocol, found)
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


async def _answers(coordinator: Coordinator, name: str, protocol: ProtocolSpec, items: Sequence[Item]) -> Answers:
    places = asyncio.Semaphore(CONCURRENT)

    async def one(item: Item) -> tuple[bool, Usage]:
        async with places:
            outcome = await coordinator.run(Task(text=item.question, label=item.family), protocol)
        return outcome.answer is not None and same(outcome.answer, item.answer), outcome.usage

    results = await asyncio.gather(*(one(item) for item in items))
    return Answers(name, tuple(right for right, _ in results), sum((usage for _, usage in results), Usage()))


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
        rival,
        gain,
        p,
    )


def _protocol(expression: Expression) -> ProtocolSpec:
    return ProtocolSpec(name="inline", summary="", protocol=expression)
