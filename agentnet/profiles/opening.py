"""Opening what measures a network's members while it works."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agentnet.contracts.network import NetworkSpec
from agentnet.contracts.nodes import NodeEvent
from agentnet.contracts.profiles import StandingEvent
from agentnet.errors import AgentNetError
from agentnet.logs import logger
from agentnet.network import Members
from agentnet.profiles.members import Profiled
from agentnet.profiles.prober import Prober
from agentnet.profiles.questions import Questions
from agentnet.store.profiles import Profiles

if TYPE_CHECKING:
    from agentnet.network.roster import Roster

log = logger("profiles")


@dataclass(frozen=True, slots=True)
class Measured:
    """What measures the members of an open network."""

    members: Profiled
    """The members by what was measured of them."""
    prober: Prober
    """What asks them canaries."""
    store: Profiles


@asynccontextmanager
async def measuring(
    members: Members, spec: NetworkSpec, base: Path, store: Profiles, *, roster: Roster | None = None
) -> AsyncIterator[Measured]:
    """Yield what measures a network's members.

    `base` is where paths of the network's `canaries` start from. A node whose member is expelled leaves the `roster`.
    Raises `BadInput` for questions that cannot be used, and `StoreError`.
    """
    questions = Questions.of(spec.canaries, spec, base)
    telling: set[asyncio.Task[None]] = set()

    def changed(event: StandingEvent) -> None:
        if roster is not None and event.seat.node:
            task = asyncio.create_task(_tell(roster, event))
            telling.add(task)
            task.add_done_callback(telling.discard)

    def key_of(node: str) -> str:
        return "" if roster is None else roster.key_of(node)

    profiled = Profiled(members, store, spec.canaries, questions.labels, key_of=key_of, on_standing=changed)
    await profiled.refresh()
    prober = Prober(profiled, store, questions)
    try:
        yield Measured(profiled, prober, store)
    finally:
        await prober.close()
        if telling:
            await asyncio.wait(telling)


async def _tell(roster: Roster, event: StandingEvent) -> None:
    """Write a change of standing into the roster's events; take the node of an expelled member off it."""
    seat = event.seat
    try:
        if event.after == "expelled":
            await roster.expel(seat.node, f"{seat.member}: {event.why}", member=seat.member, **event.data)
            return
        node = next((node.name for node in roster.known if node.key == seat.node), "")
        changed = NodeEvent(
            time=event.time,
            node=node,
            key=seat.node,
            member=seat.member,
            before=event.before or "unknown",
            after=event.after,
            why=event.why,
            data=dict(event.data),
        )
        await roster.record(changed)
    except AgentNetError as error:
        log.warning("%s is %s, which its node's events do not say: %s", seat.member, event.after, error)
