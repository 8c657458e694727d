"""From the trials of an evaluation to the policy that they teach."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agentnet.analysis import fit
from agentnet.collab.binding import Binder
from agentnet.contracts.evaluations import EvaluationRecord, Item, Trial
from agentnet.contracts.policies import Candidate, Policy
from agentnet.contracts.protocols import Auto
from agentnet.evals.suite import Learning
from agentnet.policy import policy_network
from agentnet.policy.learning.evidence import Row
from agentnet.policy.learning.learn import Terms, learn


def learned_policy(
    record: EvaluationRecord, trials: Iterable[Trial], items: Sequence[Item], learning: Learning, *, seed: int = 0
) -> Policy:
    """Return the policy that an evaluation's trials of some items teach. Trials of other items are left out.

    Its labels are those of the items; where there are several, an analyzer learns them from the questions. Raises
    `BadInput` where no member alone has an answer with a score, and without the libraries of the extra `learn`.
    """
    labels = [item.label for item in items]
    several = len(set(labels)) > 1
    return learn(
        rows_of(trials, items),
        candidates_of(record),
        policy_network(record.network),
        created=record.created,
        terms=Terms(learning.exchange, learning.epsilon, learning.delta, learning.explore, seed),
        suite=f"{record.name}, {len(items)} questions, seed {record.suite.get('seed', 0)}",
        analyzer=fit([item.text for item in items], labels, seed).data() if several else None,
    )


def rows_of(trials: Iterable[Trial], items: Sequence[Item]) -> list[Row]:
    """Return trials as rows of evidence."""
    known = {(item.dataset, item.id): item for item in items}
    return [
        Row(
            candidate=trial.system,
            item=f"{trial.dataset}/{trial.item}",
            label=item.label,
            cluster=f"{trial.dataset}/{item.cluster}",
            score=trial.score,
            tokens=trial.usage.tokens,
            seconds=trial.seconds,
            cost=trial.usage.cost,
        )
        for trial in trials
        if (item := known.get((trial.dataset, trial.item))) is not None
    ]


def candidates_of(record: EvaluationRecord) -> list[Candidate]:
    """Return what an evaluation tried and a policy can use, bound to the members: members alone, and systems."""
    binder = Binder(record.network)
    return [
        Candidate(
            name=system.name,
            protocol=binder.bind(system.protocol.protocol, system.name),
            member=system.kind == "member",
        )
        for system in record.systems
        if system.kind in ("member", "system", "candidate") and not isinstance(system.protocol.protocol, Auto)
    ]
