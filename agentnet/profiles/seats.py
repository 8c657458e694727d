"""From the members of a network to the seats whose profiles are about them, and from profiles to cards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from agentnet.contracts.cards import Card, Measured
from agentnet.contracts.intervals import wilson
from agentnet.contracts.network import AgentSpec
from agentnet.contracts.nodes import NodeSpec
from agentnet.contracts.profiles import Evidence, Profile, Seat
from agentnet.network import Network
from agentnet.network.fingerprints import fingerprint
from agentnet.profiles.sequential import MOST_OWED

MOST_VOUCHED = 400
"""The most questions that a card's own measurement counts as, beside those that are asked here."""


def digest_of(member: AgentSpec) -> str:
    """Return the digest that profiles of a member are kept under: another model begins anew."""
    return member.model.digest if isinstance(member.model, NodeSpec) else fingerprint(member)


def trusted_from_the_start(seat: Seat, card: Card, time: datetime) -> Profile:
    """Return the profile of a member that the network's owner chose: it counts, and owes what its card measured."""
    labels = {}
    for label, measured in card.measured.items():
        items = min(measured.items, MOST_VOUCHED)
        evidence = Evidence(
            right=measured.accuracy * items,
            wrong=(1 - measured.accuracy) * items,
            passed=True,
            owed=min(measured.least, MOST_OWED),
            updated=time,
        )
        labels[label] = evidence.model_copy(update={"lower": evidence.bound})
    return Profile(seat=seat, standing="active", since=time, why="its owner chose it", labels=labels, updated=time)


def card_of(card: Card, profiles: Sequence[Profile]) -> Card:
    """Return a member's card with what the profiles of its active seats say; without any, as it is.

    A measurement of the card stays where nothing was asked under its label here.
    """
    if not profiles:
        return card
    measured: dict[str, Measured] = {}
    for label in dict.fromkeys(label for profile in profiles for label in profile.labels):
        found = [profile.labels[label] for profile in profiles if label in profile.labels]
        if label in card.measured and all(evidence.passed and not evidence.items for evidence in found):
            measured[label] = card.measured[label]
        elif (known := _measured(found)) is not None:
            measured[label] = known
    kept = {label: known for label, known in card.measured.items() if all(label not in p.labels for p in profiles)}
    measured = {**kept, **measured}
    return card.model_copy(update={"measured": measured}) if measured != card.measured else card


def by_profiles(
    network: Network,
    profiles_of: Callable[[AgentSpec], Sequence[Profile]],
    is_trusted: Callable[[AgentSpec], bool],
) -> Network:
    """Return a network with the cards that profiles give its members, and with those on probation that are.

    A member without a profile is on probation unless it is trusted. One whose seats were all sent back or expelled has
    proven nothing, whatever its card said.
    """
    cards: dict[str, Card] = {}
    probation = set()
    for member in network.spec.agents:
        if member.is_human:
            continue
        profiles = profiles_of(member)
        active = [profile for profile in profiles if profile.standing == "active"]
        if not active and (profiles or not is_trusted(member)):
            probation.add(member.name)
        if profiles and not active:
            cards[member.name] = member.card.model_copy(update={"measured": {}})
        elif (card := card_of(member.card, active)) is not member.card:
            cards[member.name] = card
    if cards:
        network = network.with_cards(cards, vouched=False)
    return network.with_probation(probation) if probation else network


def _measured(found: Iterable[Evidence]) -> Measured | None:
    """Return evidence as a measurement of a card; None where it counts as less than one question."""
    evidence = list(found)
    right, wrong = (sum(getattr(one, name) for one in evidence) for name in ("right", "wrong"))
    if (items := round(right + wrong)) < 1:
        return None
    accuracy = right / (right + wrong)
    interval = wilson(accuracy, items)
    latest = max(evidence, key=lambda one: one.updated)
    return Measured(
        accuracy=accuracy,
        items=items,
        suite=latest.suite,
        seed=latest.seed,
        interval=(interval.low, interval.high),
        measured_at=latest.updated,
    )
