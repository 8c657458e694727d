"""The roster of a network: who may register, how leases run, and what each change leaves behind."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from agentnet.contracts.nodes import Load
from agentnet.errors import LeaseOver
from agentnet.network.roster import Roster
from agentnet.store import Database
from agentnet.store.nodes import Nodes

from .nodes import at, card


@pytest.fixture
async def database(where: str) -> AsyncIterator[Database]:
    async with await Database.open(where) as opened:
        yield opened


@pytest.fixture
def roster(database: Database) -> Roster:
    """The roster of a hub that looked at its leases at the start, and whose monotonic clock stands still."""
    return Roster(Nodes(database, "team"), own=lambda: ("math",))


async def states(roster: Roster) -> dict[str, str]:
    return {record.name: record.state for record in await roster.nodes(gone=True)}


async def changes(roster: Roster) -> list[tuple[str, str, str]]:
    return [(event.node, event.before, event.after) for event in await roster.events()]


async def test_a_node_registers_answers_and_leaves_and_every_change_is_an_event(roster: Roster) -> None:
    record = await roster.register(card("box"), now=at(0))
    assert (record.state, record.joined, record.until) == ("joining", at(0), at(15))
    assert await roster.heartbeat(record.key, record.lease, Load(running=2, queued=1), now=at(5)) == "active"
    (known,) = await roster.nodes()
    assert (known.state, known.heard, known.until, known.load.running) == ("active", at(5), at(20), 2)
    await roster.drain(record.key, record.lease)
    assert await roster.heartbeat(record.key, record.lease, now=at(6)) == "draining"
    await roster.leave(record.key, record.lease)
    assert await roster.nodes() == []
    assert await changes(roster) == [
        ("box", "unknown", "joining"),
        ("box", "joining", "active"),
        ("box", "active", "draining"),
        ("box", "draining", "gone"),
    ]
    assert [event.sequence for event in await roster.events()] == [1, 2, 3, 4]
    assert [event.after for event in await roster.events(after=2)] == ["draining", "gone"]
    with pytest.raises(LeaseOver, match="the lease of box is over: register again"):
        await roster.heartbeat(record.key, record.lease)


async def test_a_late_node_is_suspect_and_one_whose_lease_is_over_is_gone(roster: Roster) -> None:
    slow, quick = [await roster.register(card(name), now=at(0)) for name in ("slow", "quick")]
    for record in (slow, quick):
        await roster.heartbeat(record.key, record.lease, now=at(0))
    assert await roster.sweep(now=at(7)) == []
    await roster.heartbeat(quick.key, quick.lease, now=at(7))
    (event,) = await roster.sweep(now=at(8))
    assert (event.node, event.after, event.why) == ("slow", "suspect", "8.0 seconds without a heartbeat")
    assert await roster.sweep(now=at(9)) == [], "it is said once"
    assert await roster.heartbeat(slow.key, slow.lease, now=at(10)) == "active"
    assert await states(roster) == {"slow": "active", "quick": "active"}
    events = await roster.sweep(now=at(26))
    assert {(event.node, event.before, event.after) for event in events} == {
        ("quick", "active", "gone"),
        ("slow", "active", "gone"),
    }
    with pytest.raises(LeaseOver):
        await roster.heartbeat(slow.key, slow.lease, now=at(27))
    again = await roster.register(card("slow"), now=at(28))
    assert again.lease != slow.lease
    assert await states(roster) == {"quick": "gone", "slow": "joining"}
