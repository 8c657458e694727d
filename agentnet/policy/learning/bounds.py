"""Lower confidence bounds of a mean paired difference, which hold for every number of questions.

They assume that the questions are independent and drawn like those to come, and nothing else: no normal distribution,
which few differences have when most of them are 0.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from agentnet.errors import BadInput
from agentnet.policy.learning.evidence import Floats

BETS = np.linspace(0.0, 1.0, 101)[1:-1]
STEPS = 40
NOWHERE = -np.inf
"""The bound where nothing is known."""


def gain_bound(differences: Floats, plan: Floats, alpha: float) -> float:
    """Return a lower bound of the mean gain, which is above 0 by mistake with probability `alpha` at most.

    `differences` are of independent questions. Where each is won, lost or equal (1, -1, 0), the bound is positive
    exactly if the one-sided sign test of McNemar rejects at `alpha`: of the questions on which the two differ, as many
    are won as Clopper and Pearson's bound says at least, and the size of the gain is that share times the number of
    those questions, taken as observed. Other differences, with prices or parts of a score, are bounded by betting; the
    bet is planned on `plan`, other differences than those. Shapes: [questions].
    """
    if not len(differences):
        return NOWHERE
    if not np.isin(differences, (-1.0, 0.0, 1.0)).all():
        return betting_bound(differences, plan, alpha)
    won, lost = int((differences > 0).sum()), int((differences < 0).sum())
    least = float(_special().betaincinv(won, lost + 1, alpha)) if won else 0.0
    return (2 * least - 1) * (won + lost) / len(differences) if won + lost else 0.0


def betting_bound(differences: Floats, plan: Floats, alpha: float) -> float:
    """Return a lower bound of the mean difference, which is wrong with probability `alpha` at most.

    A bet that the mean is above m multiplies its stake by 1 + b (d - m) for each difference d. If the mean is m at
    most, the stake grows 1/alpha-fold with probability `alpha` at most (Markov); the bound is the greatest m against
    which it grows so far (Waudby-Smith and Ramdas, JRSS B 86, 2024; one bet for all questions does not depend on their
    order). Differences below the least possible one would end the bet: the least of `plan`, -1 and the
    differences themselves counts as that. The bet b is the one that would have grown most on `plan` and two
    imagined questions, won and lost. Shapes: [questions]; the bound is `NOWHERE` without any.
    """
    if not len(differences):
        return NOWHERE
    least = min(-1.0, float(differences.min()), float(plan.min(initial=0.0)))
    planned = np.concatenate([plan, [1.0, least]])
    low, high, wanted = least, float(differences.mean()), -np.log(alpha)
    for _ in range(STEPS):
        middle = (low + high) / 2
        bets = BETS / (middle - least)
        growth = np.log1p(np.outer(bets, planned - middle)).sum(axis=1)
        bet = bets[int(np.argmax(growth))]
        if np.log1p(bet * (differences - middle)).sum() >= wanted:
            low = middle
        else:
            high = middle
    return low


def proven(scores: Floats) -> float:
    """Return the 5 % quantile of the accuracy, given right and wrong answers (a Beta posterior, flat before).

    `scores` are of independent questions, from 0 to 1. Shape: [questions]; 0 without any.
    """
    right = float(scores.sum())
    return float(_special().betaincinv(1 + right, 1 + len(scores) - right, 0.05)) if len(scores) else 0.0


def _special() -> Any:
    try:
        return import_module("scipy.special")
    except ImportError as error:
        raise BadInput("learning needs the statistics libraries: pip install 'agentnet-ai[learn]'") from error
