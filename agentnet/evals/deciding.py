"""What a network decided by itself: for which kind of question which system, and how that went."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from agentnet.contracts.evaluations import Item, Trial


@dataclass(frozen=True, slots=True)
class Decided:
    """One system that was used for one kind of question."""

    system: str
    dataset: str
    label: str
    """The kind of question, as the dataset says."""
    used: str
    items: int
    accuracy: float
    tokens: float
    recognised: float
    """Share of the questions that were taken as of this kind, whether it was given or found."""


def decisions(trials: Sequence[Trial], items: Sequence[Item]) -> list[Decided]:
    """Return the decisions in some test trials that have a score, the most frequent one of each kind first."""
    label_of = {(item.dataset, item.id): item.label for item in items}
    groups: dict[tuple[str, str, str, str], list[Trial]] = defaultdict(list)
    for trial in trials:
        if trial.split == "test" and trial.used is not None and trial.score is not None:
            groups[trial.system, trial.dataset, label_of[trial.dataset, trial.item], trial.used].append(trial)
    found = [
        Decided(
            system=system,
            dataset=dataset,
            label=label,
            used=used,
            items=len(own),
            accuracy=fmean(trial.score or 0.0 for trial in own),
            tokens=fmean(trial.usage.tokens for trial in own),
            recognised=fmean(trial.label == label for trial in own),
        )
        for (system, dataset, label, used), own in groups.items()
    ]
    order = list(dict.fromkeys(label_of.values()))
    return sorted(found, key=lambda one: (one.system, order.index(one.label), -one.items, one.used))
