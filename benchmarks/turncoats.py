"""What turncoats cost a weighted vote over recorded answers, question by question, with canaries and without.

Five real models that once answered GSM8K; every choice of one and of two of them lies from the first question on, after
honest answers to 100 calibration questions (other kinds of liars lied then, too). Points lost are against the same
network with the liars silent. Each member is asked canaries as a live network asks them (`agentnet.evals.attack`); the
canaries, the calibration and the questions are different items. Nothing is timed: the table is the same everywhere.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from statistics import fmean

from rich.console import Console
from rich.table import Table

from agentnet.agents import Turn
from agentnet.answers import plurality
from agentnet.collab.weights import weights
from agentnet.contracts.bodies import Task, answer_of
from agentnet.contracts.cards import Measured
from agentnet.contracts.evaluations import SELECTION, Item, Split, System, Trial
from agentnet.contracts.protocols import Ask, ProtocolSpec
from agentnet.evals.attack.canaries import watched
from agentnet.evals.attack.network import Infiltration
from agentnet.evals.datasets import Dataset, load
from agentnet.evals.suite import DatasetSpec
from agentnet.network import Network, Registry, find_network

FOLDER = Path("evals")
MEMBERS = ("ft-6b", "ft-175b", "verifier-175b", "mixtral", "gpt-4")
KINDS = ("turncoat", "collude", "random", "split")
LABEL = "gsm8k"
CALIBRATION, CANARIES = 100, 120
PARTS = 4
"""The questions in their order, in so many parts of equal size."""


class Recorded:
    """The recorded answers, and the liars that know them."""

    def __init__(self, network: Network, dataset: Dataset, answers: Mapping[str, Mapping[str, str | None]]) -> None:
        self.dataset, self.answers = dataset, answers
        self.calibration = dataset.selection[:CALIBRATION]
        self.canaries = dataset.selection[CALIBRATION:]
        cards = {}
        for name in MEMBERS:
            right = [self.is_right(answers[name][item.id] or "", item) for item in self.calibration]
            measured = {LABEL: Measured(accuracy=fmean(right), items=len(right))}
            cards[name] = network[name].card.model_copy(update={"measured": measured})
        self.network = network.with_cards(cards)
        trials = [self._trial(name, item) for name in MEMBERS for item in (*dataset.selection, *dataset.test)]
        canaries = frozenset((item.dataset, item.id) for item in self.canaries)
        self._infiltration = Infiltration((*dataset.selection, *dataset.test), trials, MEMBERS, canaries)

    def is_right(self, answer: str, item: Item) -> bool:
        return self.dataset.grading.score(answer, item) == 1.0

    def _trial(self, name: str, item: Item) -> Trial:
        answer = self.answers[name][item.id]
        split: Split = SELECTION if item in self.dataset.selection else "test"
        score = float(self.is_right(answer or "", item))
        return Trial(
            system=name, dataset=item.dataset, item=item.id, split=split, status="done", answer=answer, score=score
        )

    async def under(self, kind: str, liars: Sequence[str], *, canaries: bool, seed: int) -> list[float]:
        """Return whether the weighted vote is right on each question, with some members lying."""
        facts = {"attack": kind, "liars": list(liars)}
        protocol = ProtocolSpec(name="vote", summary="vote", protocol=Ask(agent=MEMBERS[0]))
        network = self._infiltration.of(
            self.network, System(name=kind, kind="attacked", protocol=protocol, facts=facts)
        )
        items = self.dataset.test
        networks = [network] * len(items)
        if canaries:
            networks = await watched(network, MEMBERS, self.canaries, len(items), self.is_right, seed)
        return [await self._voted(now, liars, item) for now, item in zip(networks, items, strict=True)]

    async def _voted(self, network: Network, liars: Sequence[str], item: Item) -> float:
        said: dict[str, str] = {}
        for name in MEMBERS:
            answer = self.answers[name][item.id]
            if name in liars:
                reply = await network[name].take(Turn("solve", Task(text=item.text, label=LABEL)))
                answer = answer_of(reply.body)
            if answer is not None:
                said[name] = answer
        counted = [name for name in said if name not in network.probation] or list(said)
        cards = [network[name].card for name in counted]
        equal, _ = plurality([said[name] for name in counted], weights(cards, LABEL))
        return float(self.is_right(said[counted[equal[0]]], item))


async def read(items: int) -> Recorded:
    """Return the recorded answers of every member to so many questions, and to those that measure them."""
    spec, base = find_network("networks/gsm8k-recorded.yaml", beside=FOLDER)
    data = {"from": "gsm8k", "path": "data/gsm8k/test.jsonl.gz", "label": LABEL, "prompt": "{{ question }}"}
    dataset = load(DatasetSpec.model_validate({**data, "items": items}), FOLDER, selection=CALIBRATION + CANARIES)
    async with Registry.open(spec, base) as registry:
        network = registry.snapshot()
        answers: dict[str, dict[str, str | None]] = {name: {} for name in MEMBERS}
        for name in MEMBERS:
            for item in (*dataset.selection, *dataset.test):
                reply = await network[name].take(Turn("solve", Task(text=item.text, label=LABEL)))
                answers[name][item.id] = answer_of(reply.body)
        return Recorded(network, dataset, answers)


async def measure(items: int, seed: int) -> Table:
    """Return the table of points lost."""
    recorded = await read(items)
    count = len(recorded.dataset.test)
    table = Table(title=f"Points lost to liars beside the same ones silent; {count} questions", title_justify="left")
    parts = [f"{100 * part // PARTS}–{100 * (part + 1) // PARTS} %" for part in range(PARTS)]
    for name in ("liars", "of 5", "without canaries", "with canaries", *parts, "right"):
        table.add_column(name, justify="left" if name == "liars" else "right")
    for number in (1, 2):
        choices = list(combinations(MEMBERS, number))
        silent = {
            (liars, asked): await recorded.under("silent", liars, canaries=asked, seed=seed)
            for liars in choices
            for asked in (False, True)
        }
        for kind in KINDS:
            lost: dict[bool, list[list[float]]] = {False: [], True: []}
            right: list[float] = []
            for asked in (False, True):
                for liars in choices:
                    found = await recorded.under(kind, liars, canaries=asked, seed=seed)
                    lost[asked].append([a - b for a, b in zip(silent[liars, asked], found, strict=True)])
                    right += found if asked else []
            by_part = [
                fmean(fmean(row[count * part // PARTS : count * (part + 1) // PARTS]) for row in lost[True])
                for part in range(PARTS)
            ]
            overall = [100 * fmean(map(fmean, lost[asked])) for asked in (False, True)]
            cells = [f"{value:.1f}" for value in (*overall, *(100 * value for value in by_part))]
            table.add_row(kind, str(number), *cells, f"{100 * fmean(right):.1f} %")
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.turncoats", description=__doc__)
    parser.add_argument("--items", type=int, default=999)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    Console(width=140).print(asyncio.run(measure(chosen.items, chosen.seed)))


if __name__ == "__main__":
    main()
