"""A network that lives: members come, go, lie and fail while questions arrive, and are measured while they work.

Each question meets the network that the changes and the canaries before it made. All of it depends on the items and on
the seed alone, so an evaluation that is resumed has the same networks.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from agentnet.agents import Agent, Reply, Turn
from agentnet.agents.base import Need, OnText
from agentnet.contracts.cards import Card
from agentnet.contracts.evaluations import Item, Standings, System, Trial
from agentnet.contracts.profiles import Observation, Profile, Seat
from agentnet.errors import ModelUnavailable
from agentnet.evals.attack.canaries import BEGINNING, RULES, IsRight, answers, known
from agentnet.evals.attack.liars import Knowledge, Liar
from agentnet.evals.suite import Change, Living
from agentnet.network import Network
from agentnet.profiles.books import Books, newcomer
from agentnet.profiles.seats import by_profiles, trusted_from_the_start

AWAY = "away"


@dataclass(frozen=True)
class Unreachable(Agent):
    """A member that is there, and whose model cannot be reached."""

    inner: Agent

    @property
    def name(self) -> str:  # type: ignore[override]
        return self.inner.name

    @property
    def card(self) -> Card:  # type: ignore[override]
        return self.inner.card

    async def take(self, turn: Turn, on_text: OnText | None = None) -> Reply:
        raise ModelUnavailable(f"{self.name} cannot be reached")

    def with_card(self, card: Card) -> Unreachable:
        return replace(self, inner=self.inner.with_card(card))

    def can(self, need: Need) -> str | None:
        return self.inner.can(need)


@dataclass(frozen=True, slots=True)
class Days:
    """How each question finds the network, in the order of arrival, and every change of what was known by then."""

    networks: tuple[Network, ...]
    standings: tuple[Standings, ...]


@dataclass
class _Weather:
    """Who is away, lies or fails at one time."""

    away: set[str] = field(default_factory=set)
    lying: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)

    def change(self, does: str, member: str) -> None:
        match does:
            case "joins" | "returns":
                self.away.discard(member)
            case "leaves":
                self.away.add(member)
            case "lies":
                self.lying.add(member)
            case "fails":
                self.failing.add(member)
            case _:
                self.lying.discard(member)
                self.failing.discard(member)


def arrivals(items: Sequence[Item], seed: int) -> list[int]:
    """Return the places of the items in the order in which they arrive: those of all datasets mixed."""
    places = list(range(len(items)))
    random.Random(f"arrivals/{seed}").shuffle(places)
    return places


def schedule(living: Living, count: int) -> list[tuple[int, Change]]:
    """Return the changes in their order, each with the first of `count` questions that meets it."""
    ordered = sorted(living.changes, key=lambda change: change.at)
    return [(math.ceil(change.at * count), change) for change in ordered]


async def lived(
    network: Network,
    living: Living,
    members: Sequence[str],
    canaries: Sequence[Item],
    count: int,
    knowledge: Knowledge,
    is_right: IsRight,
    seed: int,
) -> Days:
    """Return the networks that so many questions meet.

    `members` are measured by `canaries`, each in an order of its own and none twice. One that joins begins on
    probation; the others owe what their cards measured.
    """
    joining = {change.member for change in living.changes if change.does == "joins"}
    strangers = {name: network[name].card.as_claims() for name in joining}
    network = network.with_cards(strangers, vouched=False)
    honest = {name: await answers(network[name], canaries, is_right) for name in members}
    books = Books(RULES, {item.label for item in canaries}, partial(_newcomer, network, joining))
    draws = {name: random.Random(f"{seed}/{name}") for name in members}
    order = {name: draws[name].sample(range(len(canaries)), len(canaries)) for name in members}
    weather = _Weather(away=set(joining))
    profiles: dict[str, Profile] = {}
    networks: list[Network] = []
    standings: list[Standings] = []
    changes, latest = schedule(living, count), -1
    now = network
    for question in range(count):
        moved = False
        while changes and changes[0][0] <= question:
            _, change = changes.pop(0)
            weather.change(change.does, change.member)
            moved = True
        revision = sum(profile.revision for profile in profiles.values())
        if moved or revision != latest:
            latest = revision
            now = _network(network, weather, profiles, joining, knowledge)
            standings += _changed(question, members, weather, profiles, now, standings)
        networks.append(now)
        for name in members:
            profile = profiles.get(name)
            share = RULES.newcomers if name in joining and profile is None else RULES.share
            share = share if profile is None else books.share(profile)
            if name in weather.away or not order[name] or draws[name].random() >= share:
                continue
            place = order[name].pop()
            right = None if name in weather.failing else name not in weather.lying and honest[name][place]
            seen = Observation(
                seat=Seat(member=name),
                source="canary",
                label=canaries[place].label,
                right=right,
                reply="failed" if right is None else "answered",
                time=BEGINNING,
            )
            profiles[name], _ = books.add(profile, seen)
    return Days(tuple(networks), tuple(standings))


def absent(system: System, item: Item, epoch: int, why: str) -> Trial:
    """Return the trial of a system whose members are not all there: it has no answer, which is wrong."""
    return Trial(
        system=system.name, dataset=item.dataset, item=item.id, epoch=epoch, status="failed", score=0.0, detail=why
    )


def _newcomer(network: Network, joining: set[str], seat: Seat, time: datetime) -> Profile:
    if seat.member in joining:
        return newcomer(seat, time)
    return trusted_from_the_start(seat, network[seat.member].card, time)


def _network(
    network: Network, weather: _Weather, profiles: dict[str, Profile], joining: set[str], knowledge: Knowledge
) -> Network:
    changed: dict[str, Agent] = {name: Liar(network[name], "collude", knowledge) for name in weather.lying}
    changed |= {name: Unreachable(network[name]) for name in weather.failing}
    there = network.with_agents(changed, vouched=True).without(weather.away)
    return by_profiles(there, partial(known, profiles), lambda member: member.name not in joining)


def _changed(
    question: int,
    members: Sequence[str],
    weather: _Weather,
    profiles: dict[str, Profile],
    now: Network,
    before: Sequence[Standings],
) -> list[Standings]:
    """Return what is new of each member, compared with the latest that was said of it."""
    latest = {standing.member: standing for standing in before}
    found = []
    for name in members:
        profile = profiles.get(name)
        standing = AWAY if name in weather.away else profile.standing if profile else "active"
        if standing == "active" and name in now.probation:
            standing = "probation"
        proven = {} if standing == AWAY else _proven(now[name].card)
        canaries, why = (profile.canaries, profile.why) if profile else (0, "")
        new = Standings(question=question, member=name, standing=standing, proven=proven, canaries=canaries, why=why)
        if name not in latest or latest[name].model_copy(update={"question": question}) != new:
            found.append(new)
    return found


def _proven(card: Card) -> dict[str, float]:
    return {label: measured.least for label, measured in card.measured.items()}
