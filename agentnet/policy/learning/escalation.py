"""Escalation by risk control: cheaper candidates whose loss is proven to be tolerable.

Cascades ask cheap members first and go on where an answer is not trusted. Which of them, and with which threshold, is
chosen by Learn then Test (Angelopoulos, Bates, Candès, Jordan and Lei, Annals of Applied Statistics 19, 2025): each
candidate is a hypothesis "it loses more than epsilon", and the cheapest one whose hypothesis is rejected is used.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from agentnet.policy.learning.bounds import NOWHERE
from agentnet.policy.learning.evidence import Evidence, Mask, clustered, means
from agentnet.policy.learning.splitting import Split, median
from agentnet.policy.learning.switching import Switch, loss_bound

SAVING = 0.02
"""The least share of the expense that a cheaper candidate must save: less is not worth a risk."""
PATH = 8
"""The most candidates that are tested one after another in a split."""


def economies(
    evidence: Evidence,
    scopes: Mapping[str, Mask],
    used: Mapping[str, int],
    splits: Sequence[Split],
    alpha: float,
    epsilon: float,
) -> dict[str, Switch]:
    """Return scope → the cheapest candidate that loses `epsilon` of accuracy at most; a scope without one is left out.

    `used` maps each scope to the candidate that it is compared with. With probability 1 - `alpha`, all losses are
    tolerable. In each split, the proposing items order the cheaper candidates of a scope, the safest first, and the
    testing items reject their hypotheses in this order until the first one stands (fixed-sequence testing), at a level
    of `alpha`/2 divided by the number of scopes. A candidate is used if its hypothesis is rejected in half of the
    splits. Bounds in the result are of the difference in accuracy.
    """
    bounds: dict[tuple[str, int], list[float]] = defaultdict(list)
    for split in splits:
        paths = {name: _path(evidence, split.proposes & where, used[name], epsilon) for name, where in scopes.items()}
        looks = sum(bool(path) for path in paths.values())
        for name, path in paths.items():
            least = np.inf
            for candidate in path:
                least = min(least, loss_bound(evidence, split, scopes[name], candidate, used[name], alpha / 2 / looks))
                if least <= -epsilon:
                    break
                bounds[name, candidate].append(float(least))
    found: dict[str, Switch] = {}
    expense = {name: means(evidence.expense, where) for name, where in scopes.items()}
    for (name, candidate), tested in bounds.items():
        low = median([*tested, *[NOWHERE] * (len(splits) - len(tested))])
        if low > -epsilon and (name not in found or expense[name][candidate] < expense[name][found[name].use]):
            difference = evidence.scores[:, candidate] - evidence.scores[:, used[name]]
            where = scopes[name]
            items = round(float(np.mean([(split.tests & where).sum() for split in splits])))
            found[name] = Switch(candidate, float(np.nanmean(difference[where])), low, items)
    return found


def _path(evidence: Evidence, where: Mask, used: int, epsilon: float) -> list[int]:
    """The cheaper candidates that do not seem to lose more than is tolerable, in the order in which they are tested."""
    expense, utility = means(evidence.expense, where), means(evidence.utility, where)
    differences = evidence.scores - evidence.scores[:, [used]]
    lost = -means(differences, where)
    cheaper = [
        candidate
        for candidate in range(len(evidence.candidates))
        if np.isfinite(lost[candidate])
        and expense[candidate] < (1 - SAVING) * expense[used]
        and lost[candidate] < epsilon
        and (not evidence.is_priced or utility[candidate] >= utility[used])
    ]

    def risk(candidate: int) -> float:
        known = clustered(differences[where, candidate], evidence.clusters[where])
        spread = known.std() + 1 / len(known)  # where no item differs, one may
        return float((lost[candidate] - epsilon) * np.sqrt(len(known)) / spread)

    return sorted(cheaper, key=risk)[:PATH]
