"""The rivals at equal token budget: the best member alone, asked as often as a system's tokens would pay for.

Most published gains of collaboration do not survive these two: self-consistency (Wang et al., arXiv 2203.11171) and
isolated self-correction (arXiv 2502.08788, arXiv 2605.00914). The best member is asked `most` times once; its first k
answers are what it would have said at a budget of k.
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
    """How often the best member of each label would have to answer some items to take the tokens of the dearest of some
    systems."""
    member = {(item.dataset, item.id): best[item.label] for item in items}
    tokens: dict[str, list[int]] = defaultdict(list)
    alone: list[int] = []
    for trial in trials:
        if trial.score is not None and (trial.dataset, trial.item) in member:
            tokens[trial.system].append(trial.usage.tokens)
            if trial.system == member[trial.dataset, trial.item]:
                alone.append(trial.usage.tokens)
    dearest = max((_mean(tokens[system.name]) for system in systems), default=0.0)
    return min(most, max(1, round(dearest / _mean(alone)))) if any(alone) else 1


def first(trial: Trial, times: int) -> Trial:
    """What a trial of repeated answers would have been with its first `times` only.

    Samples are decided by majority; of corrections the last answer stands. A trial without a score stays one.
    """
    if trial.score is None:
        return trial
    said = trial.said[:times]
    trial = trial.model_copy(update={"messages": len(said)})
    answered = [one for one in said if one.answer is not None]
    usage = sum((one.usage for one in said), Usage())
    corrects = trial.system == CORRECTIONS
    seconds = trial.seconds * len(said) / max(1, len(trial.said))
    if not answered:
        return trial.model_copy(update={"said": said, "usage": usage, "seconds": seconds, "answer": None, "score": 0.0})
    place = len(answered) - 1 if corrects else plurality([one.answer or "" for one in answered])[0][0]
    stands = answered[place]
    return trial.model_copy(
        update={"said": said, "usage": usage, "seconds": seconds, "answer": stands.answer, "score": stands.score}
    )


def affordable(tokens: float, trials: Sequence[Trial]) -> int:
    """How many of the repeated answers come closest to a budget of so many tokens for each item; at least one."""
    trials = [trial for trial in trials if trial.score is not None]
    most = max((len(trial.said) for trial in trials), default=1)
    costs = [
        _mean([sum(one.usage.tokens for one in trial.said[:times]) for trial in trials]) for times in range(1, most + 1)
    ]
    return min(range(most), key=lambda place: abs(costs[place] - tokens)) + 1 if trials else 1


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
