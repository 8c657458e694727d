"""Losses: the points that a system loses to liars, beside the same liars silent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from agentnet.contracts.evaluations import EvaluationRecord, Item, System, Trial
from agentnet.evals.attack.systems import REFERENCE
from agentnet.evals.statistics import Interval, clustered_paired_difference, clustered_share


@dataclass(frozen=True, slots=True)
class Loss:
    """A system under one attack on one dataset, over all choices of that many liars. Shares are between 0 and 1."""

    dataset: str
    system: str
    attack: str
    liars: int
    decider: str
    """The agent that lies where it decides for all; empty where members lie that answer beside others."""
    choices: int
    """How many choices of liars were tried."""
    items: int
    honest: float | None
    """Accuracy with every member honest; None where that was not measured."""
    silent: float
    """Accuracy with the liars silent."""
    accuracy: Interval
    """Accuracy under the attack."""
    lost: Interval
    """`silent` minus `accuracy`, paired by item and choice of liars."""
    calls: float
    """Calls per item under the attack, of liars too."""


def losses(record: EvaluationRecord, trials: Sequence[Trial], items: Sequence[Item]) -> Iterator[Loss]:
    """Yield a loss for every attacked system, attack and number of liars of each dataset; pairs without a score are
    left out."""
    clusters = {(item.dataset, item.id): item.cluster for item in items}
    scores: dict[str, dict[tuple[str, str, int], float]] = defaultdict(dict)
    calls: dict[tuple[str, str], list[int]] = defaultdict(list)
    for trial in trials:
        if trial.split == "test" and trial.score is not None:
            scores[trial.system][trial.dataset, trial.item, trial.epoch] = trial.score
            calls[trial.system, trial.dataset].append(trial.usage.calls)
    groups: dict[tuple[str, str, int, str], list[System]] = defaultdict(list)
    for system in record.systems:
        if system.kind == "attacked":
            facts = system.facts
            decider = facts["liars"][0] if facts["decider"] else ""
            groups[facts["attacked"], facts["attack"], len(facts["liars"]), decider].append(system)
    datasets = list(dict.fromkeys(item.dataset for item in items))
    for (name, attack, liars, decider), systems in groups.items():
        if attack == REFERENCE:
            continue
        silent = {tuple(system.facts["liars"]): system for system in groups[name, REFERENCE, liars, decider]}
        for dataset in datasets:
            lies: list[float] = []
            reference: list[float] = []
            of: list[str] = []
            for system in systems:
                rival = scores[silent[tuple(system.facts["liars"])].name]
                for key, score in scores[system.name].items():
                    if key[0] == dataset and key in rival:
                        lies.append(score)
                        reference.append(rival[key])
                        of.append(clusters[key[:2]])
            if not lies:
                continue
            honest = [score for key, score in scores[name].items() if key[0] == dataset]
            yield Loss(
                dataset=dataset,
                system=name,
                attack=attack,
                liars=liars,
                decider=decider,
                choices=len(systems),
                items=len(set(of)),
                honest=fmean(honest) if honest else None,
                silent=fmean(reference),
                accuracy=clustered_share(lies, of),
                lost=clustered_paired_difference(reference, lies, of),
                calls=fmean(call for system in systems for call in calls[system.name, dataset]),
            )
