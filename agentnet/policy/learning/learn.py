"""From rows of evidence to a policy.

1. *Default*: the member whose accuracy is proven highest, over all questions.
2. *Safe switch*: for each label, then for all other questions, a candidate whose gain is proven (`switching`).
3. *Escalation*: for the same scopes, a cheaper candidate whose loss is proven to be tolerable (`escalation`).

Each of 2 and 3 may err with half of delta. So, on questions drawn like those of the evidence, the policy is with
probability 1 - delta at most epsilon below the best single model that was chosen in advance.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from agentnet.contracts.policies import ALL, Candidate, Choice, Estimate, Exchange, Policy, PolicyNetwork
from agentnet.errors import BadInput
from agentnet.policy.learning.bounds import proven
from agentnet.policy.learning.escalation import economies
from agentnet.policy.learning.evidence import Evidence, Mask, Row, clustered, means
from agentnet.policy.learning.splitting import splits
from agentnet.policy.learning.switching import Switch, switches

BY_LABEL = 0.8
"""Share of the error of all switches that those of single labels may make; the rest is for all other questions."""


@dataclass(frozen=True)
class Terms:
    """What a policy may do: see `agentnet.contracts.policies.Policy`."""

    exchange: Exchange = field(default_factory=Exchange)
    epsilon: float = 0.01
    delta: float = 0.1
    explore: float = 0.0
    seed: int = 0


def learn(
    rows: Iterable[Row],
    candidates: Sequence[Candidate],
    network: PolicyNetwork,
    *,
    created: datetime,
    terms: Terms = Terms(),
    suite: str = "",
    analyzer: dict[str, Any] | None = None,
) -> Policy:
    """Return the policy that rows of evidence support.

    Candidates without a row are left out. The policy does not depend on the order of the candidates, except between
    equals, and is the same for the same `terms.seed`. Raises `BadInput` where no member has a row with a score.
    """
    rows = list(rows)
    seen = {row.candidate for row in rows if row.score is not None}
    tried = [candidate for candidate in candidates if candidate.name in seen]
    if not any(candidate.member for candidate in tried):
        raise BadInput("nothing can be learned: no member alone has an answer with a score")
    evidence = Evidence.of(rows, [candidate.name for candidate in tried], terms.exchange)
    default = _default(evidence, [candidate.member for candidate in tried])
    chosen, saved = _chosen(evidence, default, terms)
    return Policy(
        network=network,
        created=created,
        suite=suite,
        seed=terms.seed,
        exchange=terms.exchange,
        epsilon=terms.epsilon,
        delta=terms.delta,
        explore=terms.explore,
        candidates=tuple(tried),
        default=tried[default].name,
        choices=tuple(_choices(evidence, default, chosen, saved, terms)),
        estimates=tuple(_estimates(evidence)),
        analyzer=analyzer,
    )


def _default(evidence: Evidence, members: Sequence[bool]) -> int:
    """The member with the greatest proven utility; of equal ones, the cheaper, then the first."""
    everywhere = np.ones(evidence.items, dtype=np.bool_)
    price = means(evidence.scores - evidence.utility, everywhere)
    expense = means(evidence.expense, everywhere)

    def rank(candidate: int) -> tuple[float, float, int]:
        scores = np.clip(clustered(evidence.scores[:, candidate], evidence.clusters), 0, 1)
        return proven(scores) - price[candidate], -expense[candidate], -candidate

    return max((number for number, member in enumerate(members) if member), key=rank)


def _chosen(evidence: Evidence, default: int, terms: Terms) -> tuple[dict[str, Switch], dict[str, Switch]]:
    """The switches by label (`ALL`: every question whose label has none of its own), and the economies beside them."""
    drawn = list(splits(evidence, terms.seed))
    labels = evidence.names()
    alpha = terms.delta / 2
    chosen: dict[str, Switch] = {}
    share = BY_LABEL if len(labels) > 1 else 0.0
    if share:
        by_label = {label: evidence.of_label(label) for label in labels}
        chosen = switches(evidence, by_label, default, drawn, share * alpha, terms.epsilon)
    rest = ~np.isin(evidence.labels, list(chosen))
    if rest.any():
        chosen |= switches(evidence, {ALL: rest}, default, drawn, (1 - share) * alpha, terms.epsilon)
    scopes: dict[str, Mask] = {label: evidence.of_label(label) for label in chosen if label != ALL}
    if rest.any():
        scopes[ALL] = rest
    used = {name: chosen[name].use if name in chosen else default for name in scopes}
    return chosen, economies(evidence, scopes, used, drawn, terms.delta / 2, terms.epsilon)


def _choices(
    evidence: Evidence, default: int, chosen: Mapping[str, Switch], saved: Mapping[str, Switch], terms: Terms
) -> Iterable[Choice]:
    names, certain = evidence.candidates, f"{100 * (1 - terms.delta):g} %"
    for label in [*evidence.names(), ALL]:
        switch, cheaper = chosen.get(label), saved.get(label)
        if switch is None and cheaper is None:
            continue
        reasons = []
        if switch is not None:
            reasons.append(_gain(evidence, switch, names[default], certain))
        if cheaper is not None:
            replaced = switch.use if switch else default
            expense = means(evidence.expense, _where(evidence, label, chosen))
            reasons.append(_saving(names[replaced], float(expense[cheaper.use] / expense[replaced]), cheaper, certain))
        tested = cheaper or switch
        assert tested is not None
        yield Choice(
            label=label,
            use=names[tested.use],
            instead_of=names[default],
            gain=_difference(evidence, _where(evidence, label, chosen), tested.use, default),
            gain_low=(switch.low if switch else 0.0) + (cheaper.low if cheaper else 0.0),
            items=tested.items,
            why="; ".join(reasons),
        )


def _gain(evidence: Evidence, switch: Switch, default: str, certain: str) -> str:
    what = "utility" if evidence.is_priced else "accuracy"
    return (
        f"{100 * switch.gain:+.1f} points of {what} over {default}, {100 * switch.low:+.1f} at least with {certain} "
        f"certainty, on {switch.items} questions that did not propose it"
    )


def _saving(replaced: str, share: float, cheaper: Switch, certain: str) -> str:
    return (
        f"{100 * share:.0f} % of what {replaced} takes, for {100 * max(0.0, -cheaper.low):.1f} points of accuracy at "
        f"most with {certain} certainty, on {cheaper.items} questions that did not propose it"
    )


def _where(evidence: Evidence, label: str, chosen: Mapping[str, Switch]) -> Mask:
    return evidence.of_label(label) if label != ALL else ~np.isin(evidence.labels, list(chosen))


def _difference(evidence: Evidence, where: Mask, one: int, other: int) -> float:
    return float(np.nanmean(evidence.utility[where, one] - evidence.utility[where, other]))


def _estimates(evidence: Evidence) -> Iterable[Estimate]:
    """What each candidate did on each label, and on all items."""
    everywhere = np.ones(evidence.items, dtype=np.bool_)
    for label in (*evidence.names(), ALL):
        where = everywhere if label == ALL else evidence.of_label(label)
        for number, name in enumerate(evidence.candidates):
            known = where & ~np.isnan(evidence.scores[:, number])
            if known.any():
                yield Estimate(
                    candidate=name,
                    label=label,
                    items=int(known.sum()),
                    accuracy=float(np.clip(evidence.scores[known, number].mean(), 0, 1)),
                    tokens=float(evidence.tokens[known, number].mean()),
                    seconds=float(evidence.seconds[known, number].mean()),
                    cost=float(evidence.cost[known, number].mean()),
                )
