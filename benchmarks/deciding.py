"""What `auto` takes to decide: the analysis of a question, and the choice with its message. No model is asked.

::

    python -m benchmarks.deciding [--questions 500] [--items 200]

An analyzer learns from questions of the zoo's five families. The table gives milliseconds for each question: of the
analysis alone, and of a whole run of `auto` less one of `best` on the same members, whose replies cost nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from agentnet.agents import ModelAgent
from agentnet.analysis import Analyzer, fit
from agentnet.contracts.bodies import Task
from agentnet.contracts.cards import Card
from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.network import AgentSpec, NetworkSpec
from agentnet.contracts.policies import Candidate, Choice, Policy
from agentnet.contracts.protocols import Ask, Auto, Best, Parallel, ProtocolSpec
from agentnet.contracts.sampling import Sampling
from agentnet.coordinator import Coordinator
from agentnet.models.scripted import ScriptedModel
from agentnet.network import Network
from agentnet.policy import Learned, policy_network
from agentnet.prompts import find_pack
from agentnet.zoo.families import FAMILIES
from agentnet.zoo.families.base import distinct

MEMBERS = ("ada", "ben", "cyd", "dot", "eve")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--items", type=int, default=200, help="calibration questions of each family")
    options = parser.parse_args(arguments)
    learned = [
        (item.question, name)
        for name, family in FAMILIES.items()
        for item in distinct(family, "test", 1, options.items)
    ]
    analyzer = fit([text for text, _ in learned], [label for _, label in learned])
    each = options.questions // len(FAMILIES)
    texts = [item.question for family in FAMILIES.values() for item in distinct(family, "test", 2, each)]
    print(f"{len(texts)} questions of {len(analyzer.labels)} kinds; ms for each: median, 95 %, most\n")
    _row("analysis", [_timed(analyzer, text) for text in texts])
    _row("analysis of 4,000 characters", [_timed(analyzer, text * (4000 // len(text))) for text in texts])
    best, auto = asyncio.run(_runs(analyzer, texts))
    _row("a run of best", best)
    _row("a run of auto", auto)
    print(f"auto less best, medians: {statistics.median(auto) - statistics.median(best):.2f} ms")


def _timed(analyzer: Analyzer, text: str) -> float:
    started = time.perf_counter()
    analyzer.analyze(text)
    return 1000 * (time.perf_counter() - started)


async def _runs(analyzer: Analyzer, texts: Sequence[str]) -> tuple[list[float], list[float]]:
    """Return milliseconds of runs of `best` without a policy, and of `auto` with one, taken in turn."""
    network = _network()
    policy = Policy(
        network=policy_network(network.spec),
        created=datetime.now(UTC),
        candidates=(
            Candidate(name="ada", protocol=Ask(agent="ada"), member=True),
            Candidate(name="ben", protocol=Ask(agent="ben"), member=True),
            Candidate(name="vote", protocol=Parallel(branches=tuple(Ask(agent=name) for name in MEMBERS))),
        ),
        default="ada",
        choices=tuple(Choice(label=label, use="ben", instead_of="ada") for label in analyzer.labels),
        analyzer=analyzer.data(),
    )
    plain, learned = Coordinator(network), Coordinator(network, learned=Learned(policy, analyzer))
    best = ProtocolSpec(name="best", summary="", protocol=Best())
    auto = ProtocolSpec(name="auto", summary="", protocol=Auto())
    seconds: tuple[list[float], list[float]] = ([], [])
    for text in [texts[0], *texts]:  # the first one compiles
        for coordinator, protocol, found in ((plain, best, seconds[0]), (learned, auto, seconds[1])):
            started = time.perf_counter()
            await coordinator.run(Task(text=text), protocol)
            found.append(1000 * (time.perf_counter() - started))
    return seconds[0][1:], seconds[1][1:]


def _network() -> Network:
    agents = [
        ModelAgent(name, ScriptedModel(lambda _: "=> 7", name=name), Card(), find_pack("compact"), Sampling())
        for name in MEMBERS
    ]
    members = tuple(AgentSpec(name=name, model=LlamaSpec(path=f"{name}.gguf"), pack="compact") for name in MEMBERS)
    return Network(NetworkSpec(name="scripted", agents=members), agents)


def _row(name: str, milliseconds: Sequence[float]) -> None:
    ranked = sorted(milliseconds)
    print(f"{name:30} {ranked[len(ranked) // 2]:6.2f} {ranked[int(0.95 * len(ranked))]:6.2f} {ranked[-1]:6.2f}")


if __name__ == "__main__":
    main()
