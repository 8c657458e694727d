"""Canaries among the items of an attack: what a network that measures its members while they work would know by then.

A liar cannot tell a canary from an item. Each member is asked some as often as a live network asks (`Books.share`),
item by item, and the network of an item is the one that the canaries before it made. All of it depends on the items and
on the seed alone, so an evaluation that is resumed has the same networks.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

from agentnet.agents import Agent, Turn
from agentnet.contracts.bodies import Task, answer_of
from agentnet.contracts.evaluations import Item
from agentnet.contracts.network import AgentSpec
from agentnet.contracts.profiles import Canaries, Observation, Profile, Seat
from agentnet.network import Network
from agentnet.network.measuring import ask
from agentnet.profiles.books import Books
from agentnet.profiles.seats import by_profiles, trusted_from_the_start

RULES = Canaries(members="all")
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
"""The time of every canary: within one evaluation nothing fades."""

IsRight = Callable[[str, Item], bool]


async def watched(
    network: Network, members: Sequence[str], canaries: Sequence[Item], items: int, is_right: IsRight, seed: int
) -> list[Network]:
    """Return the network that each of so many items meets, in their order; the same object where nothing changed.

    `members` are those that are asked `canaries`, each in an order of its own and none twice.
    """
    right = {name: await answers(network[name], canaries, is_right) for name in members}
    books = Books(RULES, {item.label for item in canaries}, partial(_newcomer, network))
    draws = {name: random.Random(f"{seed}/{name}") for name in members}
    order = {name: draws[name].sample(range(len(canaries)), len(canaries)) for name in members}
    profiles: dict[str, Profile] = {}
    found, now, changes = [], network, 0
    for _ in range(items):
        found.append(now)
        for name in members:
            profile = profiles.get(name)
            share = books.share(profile) if profile is not None else RULES.share
            if order[name] and draws[name].random() < share:
                canary = order[name].pop()
                seen = Observation(
                    seat=Seat(member=name),
                    source="canary",
                    label=canaries[canary].label,
                    right=right[name][canary],
                    time=BEGINNING,
                )
                profiles[name], _ = books.add(profile, seen)
        if (total := sum(profile.revision for profile in profiles.values())) != changes:
            changes, now = total, by_profiles(network, partial(known, profiles), lambda _: True)
    return found


async def answers(agent: Agent, canaries: Sequence[Item], is_right: IsRight) -> list[bool]:
    """Return whether an agent answers each canary right."""

    async def right(place: int, item: Item) -> bool:
        turn = Turn("solve", Task(text=item.text, label=item.label), seed=place)
        answer = answer_of((await ask(agent, turn)).body)
        return answer is not None and is_right(answer, item)

    return list(await asyncio.gather(*(right(place, item) for place, item in enumerate(canaries))))


def _newcomer(network: Network, seat: Seat, time: datetime) -> Profile:
    return trusted_from_the_start(seat, network[seat.member].card, time)


def known(profiles: Mapping[str, Profile], member: AgentSpec) -> list[Profile]:
    """Return the profiles of a member: its own, if it has one."""
    return [profiles[member.name]] if member.name in profiles else []
