"""A network in which liars have taken the place of members."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from agentnet.contracts.cards import Card, Measured
from agentnet.contracts.evaluations import SELECTION, Item, System, Trial
from agentnet.evals.attack.liars import Knowledge, Liar, boasting
from agentnet.evals.attack.loud import loud
from agentnet.evals.suite import Attack
from agentnet.network import Network


class Infiltration:
    """What liars know, and how they take the place of members. `trials` are those of the honest members alone.

    `canaries` are items, by dataset and id, that measure no cards.
    """

    def __init__(
        self,
        items: Iterable[Item],
        trials: Iterable[Trial],
        members: Iterable[str],
        canaries: frozenset[tuple[str, str]] = frozenset(),
    ) -> None:
        wanted = frozenset(members)
        honest: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._own: dict[str, list[Trial]] = defaultdict(list)
        for trial in trials:
            if trial.system not in wanted:
                continue
            if trial.answer is not None:
                honest[trial.dataset, trial.item].append(trial.answer)
            if trial.split == SELECTION and (trial.dataset, trial.item) not in canaries:
                self._own[trial.system].append(trial)
        self._texts = {(item.dataset, item.id): item for item in items}
        self.knowledge = Knowledge({item.text: item for item in self._texts.values()}, honest)

    def of(self, network: Network, system: System) -> Network:
        """Return a network with the liars of an attacked system, and with the cards that they come by."""
        attack: Attack = system.facts["attack"]
        if attack == "loud":
            shouting = {name: loud(network[name], self.knowledge) for name in system.facts["liars"]}
            return network.with_agents(shouting, vouched=True)
        liars = {name: Liar(network[name], attack, self.knowledge) for name in system.facts["liars"]}
        if attack == "boast":
            card = boasting(self.knowledge.items)
            return network.with_agents({name: liar.with_card(card) for name, liar in liars.items()})
        if attack != "turncoat":
            liars = {name: liar.with_card(self._measured(liar)) for name, liar in liars.items()}
        return network.with_agents(liars, vouched=True)

    def _measured(self, liar: Liar) -> Card:
        """Return the card of a liar that lied while it was measured, too."""
        measured = {
            label: found.model_copy(update={"accuracy": 0.0, "interval": None})
            for label, found in liar.card.measured.items()
        }
        scores: dict[str, list[float]] = defaultdict(list)
        for trial in self._own[liar.name]:
            item = self._texts[trial.dataset, trial.item]
            honest = liar.attack == "split" and not self.knowledge.splits(item.text)
            scores[item.label].append((trial.score or 0.0) if honest else 0.0)
        for label, own in scores.items():
            measured[label] = Measured(accuracy=sum(own) / len(own), items=len(own))
        return liar.card.model_copy(update={"measured": measured})
