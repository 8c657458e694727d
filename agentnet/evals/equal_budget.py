"""Baselines at equal token budget: the best member alone, asked as often as a system's tokens pay for.

Most published gains of collaboration do not survive these two: self-consistency (Wang et al., arXiv 2203.11171) and
isolated self-correction (arXiv 2502.08788, arXiv 2605.00914). The best member is asked `most` times once; its first k
answers are what a budget of k calls would have bought.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from agentnet.answers import plurality
from agentnet.contracts.evaluations import Item, System, Trial
from agentnet.contracts.usage import Usage
from agentnet.evals.systems import CORRECTIONS


def repetitions(
    systems: Iterable[System], best: Mapping[str, str], items: Sequence[Item], trials: Sequence[Trial], most: int
) -> int:
    """Return how often the best member must answer an item to take the tokens of the most expensive system.

    `best` maps each label to its best member. The result is from 1 to `most`.
    """
    member = {(item.dataset, item.id): best[item.label] for item in items}
    tokens: dict[str, list[int]] = defaultdict(list)
    alone: list[int] = []
    for trial in trials:
        if trial.score is not None and (trial.dataset, trial.item) in member:
            tokens[trial.system].append(trial.usage.tokens)
            if trial.system == member[trial.dataset, trial.item]:
                alone.append(trial.usage.tokens)
    most_expensive = max((_mean(tokens[system.name]) for system in systems), default=0.0)
    return min(most, max(1, round(most_expensive / _mean(alone)))) if any(alone) else 1


def truncated(trial: Trial, times: int) -> Trial:
    """Return what a trial of repeated answers would be with its first `times` answers only.

    Samples are decided by majority; of corrections the last answer counts. A trial without a score stays as it is.
    """
    if trial.score is None:
        return trial
    kept = trial.said[:times]
    changes: dict[str, object] = {
        "said": kept,
        "messages": len(kept),
        "usage": sum((answer.usage for answer in kept), Usage()),
        "seconds": trial.seconds * len(kept) / max(1, len(trial.said)),
    }
    answered = [answer for answer in kept if answer.answer is not None]
    if not answered:
        return trial.model_copy(update={**changes, "answer": None, "score": 0.0})
    if trial.system == CORRECTIONS:
        decided = answered[-1]
    else:
        decided = answered[plurality([answer.answer or "" for answer in answered])[0][0]]
    return trial.model_copy(update={**changes, "answer": decided.answer, "score": decided.score})


def affordable(tokens: float, trials: Sequence[Trial]) -> int:
    """Return how many of the repeated answers come closest to a budget of `tokens` for each item; at least 1."""
    scored = [trial for trial in trials if trial.score is not None]
    most = max((len(trial.said) for trial in scored), default=1)
    costs = [
        _mean([sum(answer.usage.tokens for answer in trial.said[:times]) for trial in scored])
        for times in range(1, most + 1)
    ]
    return min(range(most), key=lambda number: abs(costs[number] - tokens)) + 1 if scored else 1


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
