"""Choosing the best member in advance: on items that are not used for anything else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from agentnet.contracts.cards import Card, Measured
from agentnet.contracts.evaluations import EvaluationRecord, Item, Trial
from agentnet.contracts.network import NetworkSpec
from agentnet.evals.suite import SuiteSpec
from agentnet.evals.systems import members_of
from agentnet.network.network import card_of


def measured(trials: Sequence[Trial], items: Sequence[Item], members: Sequence[str]) -> dict[str, dict[str, Measured]]:
    """Member → label → share of right answers on the calibration items of that label."""
    label_of = {(item.dataset, item.id): item.label for item in items}
    scores: dict[tuple[str, str], list[float]] = defaultdict(list)
    for trial in trials:
        if trial.system in members and trial.score is not None:
            scores[trial.system, label_of[trial.dataset, trial.item]].append(trial.score)
    found: dict[str, dict[str, Measured]] = {}
    for (member, label), some in sorted(scores.items()):
        accuracy = sum(some) / len(some)
        found.setdefault(member, {})[label] = Measured(accuracy=accuracy, items=len(some), suite="calibration split")
    return found


def measured_network(network: NetworkSpec, found: Mapping[str, Mapping[str, Measured]]) -> NetworkSpec:
    """The network with what calibration found on its cards."""
    agents = tuple(
        agent.model_copy(update={"card": _with(card_of(agent), found.get(agent.name, {}))}) for agent in network.agents
    )
    return network.model_copy(update={"agents": agents})


def best_members(record: EvaluationRecord, labels: Iterable[str]) -> dict[str, str]:
    """Label → the member that was chosen for it in advance; of equals the smaller, then the first listed."""
    members = members_of(SuiteSpec.model_validate(record.suite).members, record.network)
    cards = {agent.name: agent.card for agent in measured_network(record.network, record.measured).agents}
    return {label: max(members, key=lambda name: cards[name].rank(label)) for label in dict.fromkeys(labels)}


def _with(card: Card, found: Mapping[str, Measured]) -> Card:
    return card.model_copy(update={"measured": {**card.measured, **found}})
