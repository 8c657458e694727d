"""How far a learned policy can be trusted: repeated on many random splits of answers that are recorded once.

Every member answers every question of a suite once (`--store` keeps the answers). Votes and cascades over these answers
cost nothing to try. Each round draws calibration questions, learns a policy from them, and looks at what it does on
all other questions, beside the best single model::

    python -m benchmarks.learning splits              # GSM8K, six recorded models, 200 questions, 20 rounds
    python -m benchmarks.learning nothing             # six copies of one model; labels drawn by chance
    python -m benchmarks.learning splits --suite FILE --calibration 400 --out evals/reports/own

A suite's labels are given to the policy: how well they are found is another question.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

import numpy as np

from agentnet.contracts.evaluations import System
from agentnet.contracts.policies import ALL, Candidate, Policy, PolicyNetwork
from agentnet.contracts.protocols import Ask, Parallel
from agentnet.evals.learning import expenses, replies_of
from agentnet.evals.loading import Suite, find_suite
from agentnet.evals.session import resume, start
from agentnet.evals.systems import systems_of
from agentnet.network import find_network
from agentnet.policy.learning.deriving import Reply, cascades, derived, members_of
from agentnet.policy.learning.evidence import Row
from agentnet.policy.learning.learn import Terms, learn
from agentnet.store import Database, Evaluations
from benchmarks.learning_report import Frontier, Round, written

NETWORK = PolicyNetwork(name="recorded", members={})
EPSILONS = (0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1)
"""Tolerated losses of accuracy for which the frontier is drawn."""
COPIES = 6
LABELS = tuple("abcde")
"""Labels that are drawn by chance, where labels say nothing."""


@dataclass(frozen=True)
class Recorded:
    """Answers to all questions of a suite, and what every candidate makes of them."""

    candidates: tuple[Candidate, ...]
    rows: tuple[Row, ...]

    @property
    def items(self) -> list[str]:
        return list(dict.fromkeys(row.item for row in self.rows))

    def members(self) -> list[str]:
        return [candidate.name for candidate in self.candidates if candidate.member]

    def labelled(self, labels: dict[str, str]) -> Recorded:
        """Return the same answers to questions with other labels."""
        return replace(self, rows=tuple(replace(row, label=labels[row.item]) for row in self.rows))


def recorded(replies: Sequence[Reply], systems: Iterable[System], members: Sequence[str]) -> Recorded:
    """Return members alone, the votes of three and of all, the cascades of three, and what the suite adds of these."""
    own = [(system.name, system.protocol.protocol) for system in systems if members_of(system.protocol.protocol)]
    votes = [
        (f"vote of {', '.join(some)}", Parallel(branches=tuple(Ask(agent=name) for name in some)))
        for some in [*combinations(members, 3), *([tuple(members)] if len(members) > 3 else [])]
    ]
    spent = expenses(reply.row for reply in replies)
    alone = [Candidate(name=name, protocol=Ask(agent=name), member=True) for name in members]
    rows = [reply.row for reply in replies if reply.row.candidate in members]
    tried = dict([*own, *votes, *cascades(members, spent)])
    for name, expression in tried.items():
        rows += derived(name, expression, replies)
    return Recorded((*alone, *(Candidate(name=name, protocol=one) for name, one in tried.items())), tuple(rows))


def copies(of: Recorded, member: str) -> Recorded:
    """Return a network of `COPIES` members that all answer as one member did, with its votes and cascades."""
    agents = [f"copy-{number + 1}" for number in range(COPIES)]
    replies = [
        Reply(f"{row.item}: {row.score}", replace(row, candidate=agent))
        for row in of.rows
        if row.candidate == member
        for agent in agents
    ]
    return recorded(replies, (), agents)


def used(policy: Policy, label: str) -> str:
    """Return the candidate that a policy uses for a question whose label is known."""
    choices = {choice.label: choice.use for choice in policy.choices}
    return choices.get(label, choices.get(ALL, policy.default))


def tried(of: Recorded, calibration: int, seed: int, **terms: float) -> Round:
    """Learn from some questions drawn by chance, and return what the policy does on all others."""
    items = of.items
    drawn = set(np.random.default_rng(seed).permutation(items)[:calibration].tolist())
    policy = learn(
        [row for row in of.rows if row.item in drawn],
        of.candidates,
        NETWORK,
        created=datetime.now(UTC),
        terms=Terms(seed=seed, **terms),  # type: ignore[arg-type]
    )
    test: dict[str, dict[str, Row]] = {}
    for row in of.rows:
        if row.item not in drawn:
            test.setdefault(row.item, {})[row.candidate] = row
    full = [rows for rows in test.values() if all(name in rows for name in of.members())]
    accuracy = {name: float(np.mean([rows[name].score for rows in full])) for name in of.members()}
    best = max(of.members(), key=lambda name: accuracy[name])
    chosen = [rows[used(policy, next(iter(rows.values())).label)] for rows in full]
    paid = any(row.cost for row in of.rows)

    def expense(rows: Sequence[Row]) -> float:
        return float(np.mean([row.cost if paid else row.tokens for row in rows]))

    return Round(
        seed=seed,
        questions=len(full),
        default=policy.default,
        best=best,
        used=tuple(dict.fromkeys(row.candidate for row in chosen)),
        accuracy=float(np.mean([row.score for row in chosen])),
        of_best=accuracy[best],
        expense=expense(chosen) / expense([rows[best] for rows in full]),
    )


async def answers(suite: Suite, store: str) -> tuple[list[Reply], tuple[System, ...], list[str]]:
    """Return what every member answers to every question of a suite, and the suite's systems."""
    spec, _ = find_network(suite.spec.network, beside=suite.folder)
    systems = systems_of(suite.spec.model_copy(update={"learn": None}), spec, suite.folder)
    alone = suite.spec.model_copy(
        update={"systems": (), "learn": None, "attacks": None, "selection": 0, "baselines": ("members",)}
    )
    async with await Database.open(store) as database:
        evaluations = Evaluations(database)
        begun = [record for record in await evaluations.latest() if record.name == alone.name]
        record = begun[0] if begun else await start(replace(suite, spec=alone), evaluations)
        await resume(record, evaluations)
        replies = replies_of(await evaluations.trials(record.id), await evaluations.items(record.id, "test"))
    members = [system.name for system in systems if system.kind == "member"]
    return replies, tuple(system for system in systems if system.kind == "system"), members


def main() -> None:
    """Run the rounds, print what they show, and write it into a folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=("splits", "nothing"))
    parser.add_argument("--suite", default="gsm8k-recorded", help="a suite: its members answer all questions")
    parser.add_argument("--calibration", type=int, default=200, help="questions that a round learns from")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the first round")
    parser.add_argument("--store", default=":memory:", help="SQLite file that keeps the answers")
    parser.add_argument("--out", type=Path, help="folder of report.md and frontier.svg")
    given = parser.parse_args()
    of = recorded(*asyncio.run(answers(find_suite(given.suite), given.store)))
    seeds = range(given.seed, given.seed + given.rounds)
    if given.what == "splits":
        frontier = [
            Frontier(epsilon, tuple(tried(of, given.calibration, seed, epsilon=epsilon) for seed in seeds))
            for epsilon in EPSILONS
        ]
        found = {"splits": frontier}
    else:
        alike, shuffled = [], []
        best = max(of.members(), key=lambda name: sum(row.score or 0 for row in of.rows if row.candidate == name))
        for seed in seeds:
            random = np.random.default_rng([seed, 1])
            labels = {item: str(random.choice(LABELS)) for item in of.items}
            alike.append(tried(copies(of.labelled(labels), best), given.calibration, seed))
            shuffled.append(tried(of.labelled(labels), given.calibration, seed))
        found = {
            f"{COPIES} copies of {best}, labels drawn by chance": [Frontier(None, tuple(alike))],
            f"{len(of.members())} members, labels drawn by chance": [Frontier(None, tuple(shuffled))],
        }
    written(given.suite, given.what, given.calibration, len(of.candidates), found, given.out)


if __name__ == "__main__":
    main()
