"""Safe switches: a candidate replaces the default where questions that did not propose it prove its gain."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from agentnet.policy.learning.bounds import NOWHERE, betting_bound, gain_bound
from agentnet.policy.learning.evidence import Evidence, Floats, Mask, clustered, means
from agentnet.policy.learning.splitting import Split, median

NOMINATED = 4
"""The most candidates that a split proposes for one scope."""
RIVAL, EQUAL = 2.0, 1.0
"""Standard errors of a difference below which a candidate may be the best after all (and is proposed, so that two that
are alike do not take turns), and below which the cheaper one is used."""


@dataclass(frozen=True)
class Switch:
    """A candidate that replaces another one on the items of a scope."""

    use: int
    gain: float
    """Mean paired gain in utility, on all items of the scope."""
    low: float
    """Its lower confidence bound, corrected for all looks: the median over the splits."""
    items: int
    """Items of the scope that tested it in each split."""


def switches(
    evidence: Evidence, scopes: Mapping[str, Mask], default: int, splits: Sequence[Split], alpha: float, epsilon: float
) -> dict[str, Switch]:
    """Return scope → the candidate that is better than the default there; a scope without one is left out.

    With probability 1 - `alpha`, each of them is better in truth. In each split, the proposing items name up to
    `NOMINATED` candidates for each scope, and the testing items bound their gain at a level of `alpha`/2, divided by
    the number of all candidates that the split named. A candidate may be used if the bound is positive in half of the
    splits; of several, the cheapest is used that is as good as the best. If utility has prices, the accuracy of a
    candidate must not be more than `epsilon` below the default's, by the same test.
    """
    bounds: dict[tuple[str, int], list[float]] = defaultdict(list)
    for split in splits:
        named = {name: nominees(evidence, split.proposes & where, default) for name, where in scopes.items()}
        looks = sum(map(len, named.values()))
        for name, candidates in named.items():
            for candidate in candidates:
                bound = _bound(evidence, split, scopes[name], candidate, default, alpha / 2 / looks, epsilon)
                bounds[name, candidate].append(bound)
    found: dict[str, list[Switch]] = defaultdict(list)
    for (name, candidate), tested in bounds.items():
        low = median([*tested, *[NOWHERE] * (len(splits) - len(tested))])
        if low > 0:
            where = scopes[name]
            items = round(float(np.mean([(split.tests & where).sum() for split in splits])))
            found[name].append(Switch(candidate, _mean(evidence, where, candidate, default), low, items))
    return {name: _preferred(evidence, scopes[name], safe) for name, safe in found.items()}


def _preferred(evidence: Evidence, where: Mask, safe: Sequence[Switch]) -> Switch:
    """Of several safe switches, the cheapest that the items do not tell apart from the best."""
    best = max(safe, key=lambda switch: switch.gain)
    expense = means(evidence.expense, where)
    alike = [switch for switch in safe if switch is best or not _apart(evidence, where, best.use, switch.use, EQUAL)]
    return min(alike, key=lambda switch: (expense[switch.use], -switch.gain, switch.use))


def nominees(evidence: Evidence, where: Mask, default: int) -> list[int]:
    """Return the candidates that some items propose in place of the default, `NOMINATED` at most.

    The best and, of its rivals, the next best and the cheapest: of a rival the items do not say for certain that it is
    worse (`RIVAL`).
    """
    gains = means(evidence.utility - evidence.utility[:, [default]], where)
    expense = means(evidence.expense, where)
    better = [int(candidate) for candidate in np.flatnonzero(gains > 0) if candidate != default]
    if not better:
        return []
    better.sort(key=lambda candidate: (-gains[candidate], expense[candidate], candidate))
    best, *others = better
    rivals = [candidate for candidate in others if not _apart(evidence, where, best, candidate, RIVAL)]
    cheapest = sorted(rivals[1:], key=lambda candidate: (expense[candidate], -gains[candidate], candidate))
    return [best, *rivals[:1], *cheapest[: NOMINATED - 2]]


def _apart(evidence: Evidence, where: Mask, best: int, other: int, errors: float) -> bool:
    """Whether the best is better than another candidate by more than so many standard errors."""
    difference = clustered(evidence.utility[where, best] - evidence.utility[where, other], evidence.clusters[where])
    if len(difference) < 2:
        return False
    return bool(difference.mean() > errors * difference.std(ddof=1) / np.sqrt(len(difference)))


def _bound(
    evidence: Evidence, split: Split, where: Mask, candidate: int, default: int, alpha: float, epsilon: float
) -> float:
    """The bound of the gain in utility; `NOWHERE` where accuracy may be lost."""
    if evidence.is_priced and loss_bound(evidence, split, where, candidate, default, alpha) <= -epsilon:
        return NOWHERE
    return gain_bound(*_differences(evidence.utility, split, where, candidate, default), alpha)


def loss_bound(evidence: Evidence, split: Split, where: Mask, candidate: int, used: int, alpha: float) -> float:
    """Return the lower bound of the difference in accuracy that the testing items of a split give."""
    return betting_bound(*_differences(evidence.scores, split, where, candidate, used), alpha)


def _differences(values: Floats, split: Split, where: Mask, one: int, other: int) -> tuple[Floats, Floats]:
    """The known differences between two candidates, of the testing items and of the proposing ones."""
    difference = values[:, one] - values[:, other]
    known = where & ~np.isnan(difference)
    return difference[known & split.tests], difference[known & split.proposes]


def _mean(evidence: Evidence, where: Mask, candidate: int, default: int) -> float:
    return float(np.nanmean(evidence.utility[where, candidate] - evidence.utility[where, default]))
