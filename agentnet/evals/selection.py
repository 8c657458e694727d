"""The selection split: items that choose the best member in advance, and are used for nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from agentnet.contracts.cards import Card, Measured
from agentnet.contracts.evaluations import EvaluationRecord, Item, Trial
from agentnet.contracts.network import NetworkSpec
from agentnet.evals.statistics import clustered_share
from agentnet.evals.suite import SuiteSpec
from agentnet.evals.systems import members_of
from agentnet.network.cards import with_known_cards
from agentnet.network.measuring import measurement


def measured_members(
    record: EvaluationRecord, trials: Sequence[Trial], items: Sequence[Item], members: Sequence[str]
) -> dict[str, dict[str, Measured]]:
    """Return member → label → what its trials of the selection items of that label say of it.

    Trials without a score are left out. Intervals respect clusters of items.
    """
    item_of = {(item.dataset, item.id): item for item in items}
    groups: dict[tuple[str, str], list[Trial]] = defaultdict(list)
    for trial in trials:
        if trial.system in members and trial.score is not None:
            groups[trial.system, item_of[trial.dataset, trial.item].label].append(trial)
    measured: dict[str, dict[str, Measured]] = {}
    for (member, label), scored in sorted(groups.items()):
        scores = [trial.score or 0.0 for trial in scored]
        measured.setdefault(member, {})[label] = measurement(
            scores,
            [trial.seconds for trial in scored],
            suite=f"selection split of {record.name}",
            seed=record.suite.get("seed"),
            measured_at=record.created,
            interval=clustered_share(scores, [item_of[trial.dataset, trial.item].cluster for trial in scored]),
        )
    return measured


def halved(items: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    """Return two halves of some items: by turns within each label, and no cluster in both."""
    sides: dict[str, int] = {}
    seen: dict[str, int] = defaultdict(int)
    for item in items:
        if item.cluster not in sides:
            sides[item.cluster] = seen[item.label] % 2
            seen[item.label] += 1
    return [item for item in items if not sides[item.cluster]], [item for item in items if sides[item.cluster]]


def cards_with(network: NetworkSpec, measured: Mapping[str, Mapping[str, Measured]]) -> dict[str, Card]:
    """Return the card of every agent, with its measurements. What a card says of other labels stays."""
    return {
        agent.name: agent.card.model_copy(
            update={"measured": {**agent.card.measured, **measured.get(agent.name, {})}},
        )
        for agent in with_known_cards(network).agents
    }


def best_members(record: EvaluationRecord, labels: Iterable[str]) -> dict[str, str]:
    """Return label → the member whose card ranks first for it: the best single model, chosen in advance.

    Where cards say the same, the smaller model ranks first, then the one that is listed first.
    """
    members = members_of(SuiteSpec.model_validate(record.suite).members, record.network)
    cards = cards_with(record.network, record.measured)
    return {label: max(members, key=lambda name: cards[name].rank(label)) for label in dict.fromkeys(labels)}
