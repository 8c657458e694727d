"""Choosing the best member in advance: on items that are not used for anything else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

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


def cards_of(record: EvaluationRecord) -> dict[str, Card]:
    """Every agent's card as the systems of an evaluation saw it."""
    return {agent.name: card_of(agent) for agent in measured_network(record.network, record.measured).agents}


def chosen(record: EvaluationRecord, label: str) -> str:
    """The member that was chosen for a label in advance; of equals the smaller, then the first listed."""
    cards = cards_of(record)
    members = members_of(SuiteSpec.model_validate(record.suite).members, record.network)
    return max(members, key=lambda name: cards[name].rank(label))


def _with(card: Card, found: Mapping[str, Measured]) -> Card:
    return card.model_copy(update={"measured": {**card.measured, **found}})
