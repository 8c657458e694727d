"""From the trials of an evaluation to the policy that they teach."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from statistics import fmean

from agentnet.analysis import fit
from agentnet.collab.binding import Binder
from agentnet.contracts.evaluations import EvaluationRecord, Item, Trial
from agentnet.contracts.policies import Candidate, Policy
from agentnet.contracts.protocols import Auto
from agentnet.evals.suite import Learning
from agentnet.policy import policy_network
from agentnet.policy.learning.deriving import Reply, cascades, derived
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
    replies = replies_of(trials, items)
    candidates = candidates_of(record)
    rows = [reply.row for reply in replies]
    if learning.usual:
        members = [candidate.name for candidate in candidates if candidate.member]
        known = {candidate.name for candidate in candidates}
        for name, expression in cascades(members, expenses(rows)):
            if name not in known:
                candidates.append(Candidate(name=name, protocol=expression))
                rows += derived(name, expression, replies)
    policy = learn(
        rows,
        candidates,
        policy_network(record.network),
        created=record.created,
        terms=Terms(learning.exchange, learning.epsilon, learning.delta, learning.explore, seed),
        suite=f"{record.name}, {len(items)} questions, seed {record.suite.get('seed', 0)}",
        analyzer=fit([item.text for item in items], labels, seed).data() if several else None,
    )
    return _without_unused(policy, {system.name for system in record.systems})


def _without_unused(policy: Policy, asked: Collection[str]) -> Policy:
    """Return a policy without the derived candidates that it does not use."""
    kept = {policy.default, *asked, *(choice.use for choice in policy.choices)}
    return policy.model_copy(
        update={
            "candidates": tuple(candidate for candidate in policy.candidates if candidate.name in kept),
            "estimates": tuple(estimate for estimate in policy.estimates if estimate.candidate in kept),
        }
    )


def replies_of(trials: Iterable[Trial], items: Sequence[Item]) -> list[Reply]:
    """Return trials as rows of evidence, each with the answer that was given."""
    known = {(item.dataset, item.id): item for item in items}
    return [
        Reply(
            trial.answer,
            Row(
                candidate=trial.system,
                item=f"{trial.dataset}/{trial.item}",
                label=item.label,
                cluster=f"{trial.dataset}/{item.cluster}",
                score=trial.score,
                tokens=trial.usage.tokens,
                seconds=trial.seconds,
                cost=trial.usage.cost,
            ),
        )
        for trial in trials
        if (item := known.get((trial.dataset, trial.item))) is not None
    ]


def expenses(rows: Iterable[Row]) -> dict[str, float]:
    """Return what an answer of each candidate takes: money, or tokens where nothing has a price."""
    rows = list(rows)
    paid = any(row.cost for row in rows)
    sums: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        sums[row.candidate].append(row.cost if paid else row.tokens)
    return {name: fmean(values) for name, values in sums.items()}


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
