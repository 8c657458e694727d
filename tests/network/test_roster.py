"""The roster of a network: who may register, how leases run, and what each change leaves behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from agentnet.contracts.nodes import Load, NodeCard, NodeEvent
from agentnet.errors import BadInput, LeaseOver, NodeRefused, NodeReplaced, StoreError
from agentnet.network.roster import Roster
from agentnet.store import Database
from agentnet.store.nodes import Nodes

from .nodes import at, card, offer


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


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        (card("box", key="other"), "the name 'box' belongs to another node, with the key key-of-b… (joining)"),
        (card("new", offer("poet", "d2")), r"node box offers another model as 'poet' (digest d1…, here d2…)"),
        (card("new", offer("math")), "'math' is a member of the network itself: offer yours under another name"),
        (card("new", offer("Coordinator")), "no member can be called 'Coordinator': the name is reserved"),
        (card("new", offer("a"), offer("b"), offer("a")), "two members are called 'a': a node offers each name once"),
        (card("new", offer("a", pack="../secret")), "the pack '../secret', which a network does not have"),
    ],
    ids=["name", "digest", "own", "reserved", "twice", "pack"],
)
async def test_what_a_network_cannot_have_is_refused_in_one_line(roster: Roster, refused: NodeCard, why: str) -> None:
    await roster.register(card("box"))
    with pytest.raises(NodeRefused) as caught:
        await roster.register(refused)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)
    assert await states(roster) == {"box": "joining"}
    assert len(await roster.events()) == 1


async def test_the_same_model_on_another_node_is_a_replica(roster: Roster) -> None:
    for name in ("one", "two"):
        await roster.register(card(name, offer("poet", "d1")))
    assert await states(roster) == {"one": "joining", "two": "joining"}


async def test_a_name_with_another_model_is_free_once_its_node_is_gone(roster: Roster) -> None:
    box = await roster.register(card("box"))
    await roster.leave(box.key, box.lease)
    assert (await roster.register(card("new", offer("poet", "d2")))).state == "joining"


async def test_a_key_that_is_in_use_elsewhere_is_refused_until_that_lease_is_over(roster: Roster) -> None:
    """A stolen key, or one that was copied to another machine."""
    first = await roster.register(card("box"), now=at(0))
    elsewhere = card("box", url="http://127.0.0.1:9999")
    with pytest.raises(NodeRefused, match=r"the key of node box is in use at http://127\.0\.0\.1:9000/box as box"):
        await roster.register(elsewhere, now=at(10))
    assert await roster.heartbeat(first.key, first.lease, now=at(11)) == "active", "the first one is not disturbed"
    moved = await roster.register(elsewhere, now=at(27))
    assert moved.url == "http://127.0.0.1:9999"
    with pytest.raises(NodeReplaced, match="another process registered as box with this node's key"):
        await roster.heartbeat(first.key, first.lease, now=at(28))
    with pytest.raises(NodeReplaced):
        await roster.leave(first.key, first.lease)
    assert await states(roster) == {"box": "joining"}


async def test_a_node_whose_earlier_process_is_silent_comes_back_at_another_address_at_once(roster: Roster) -> None:
    await roster.register(card("box"), now=at(0))
    again = await roster.register(card("box", url="http://127.0.0.1:9999"), silent=True, now=at(1))
    assert (again.url, again.joined) == ("http://127.0.0.1:9999", at(0))
    assert [event.why for event in await roster.events()] == ["registered", "its process started again"]


async def test_a_node_that_registers_again_may_change_what_it_offers(roster: Roster) -> None:
    await roster.register(card("box", offer("poet"), offer("sage")))
    await roster.register(card("box", offer("sage", "d2")))
    (known,) = await roster.nodes()
    assert [(item.name, item.digest) for item in known.offers] == [("sage", "d2")]
    assert (await roster.register(card("new", offer("poet", "d9")))).state == "joining", "poet is free"


async def test_an_expelled_key_stays_out_until_its_owner_readmits_it(roster: Roster) -> None:
    box = await roster.register(card("box"))
    await roster.heartbeat(box.key, box.lease)
    expelled = await roster.expel(box.key, "poet was wrong on 9 of 9 canaries", p0=0.9, p1=0.6, statistic=1204.5)
    assert (expelled.state, expelled.lease) == ("expelled", "")
    with pytest.raises(NodeRefused, match="node box was expelled: poet was wrong on 9 of 9 canaries"):
        await roster.heartbeat(box.key, box.lease)
    with pytest.raises(NodeRefused, match=r"node box was expelled \(poet was wrong on 9 of 9 canaries\): ask"):
        await roster.register(card("box"))
    with pytest.raises(NodeRefused, match="the name 'box' belongs to another node"):
        await roster.register(card("box", key="another key"))
    with pytest.raises(BadInput, match="box was expelled, and must be known to stay so"):
        await roster.forget(box.key)
    assert (await roster.events())[-1].data == {"p0": 0.9, "p1": 0.6, "statistic": 1204.5}
    assert await roster.sweep() == []
    await roster.readmit(box.key)
    assert (await roster.register(card("box"))).state == "joining"
    with pytest.raises(BadInput, match="node box is joining, not expelled"):
        await roster.readmit(box.key)


async def test_a_node_that_is_forgotten_leaves_its_name_to_another_key(roster: Roster) -> None:
    box = await roster.register(card("box"))
    with pytest.raises(NodeRefused, match="belongs to another node"):
        await roster.register(card("box", key="new"))
    await roster.nodes()
    await roster.forget(box.key)
    assert await roster.nodes() == []
    assert (await roster.register(card("box", key="new"))).key == "new"
    assert [record.key for record in await roster.nodes()] == ["new"]
    with pytest.raises(LeaseOver, match="the lease of this node is over: register again"):
        await roster.heartbeat(box.key, box.lease)
    with pytest.raises(BadInput, match="no node has the key key-of-box in network 'team'"):
        await roster.expel(box.key, "gone anyway")


async def test_a_node_is_found_by_its_name_and_by_the_beginning_of_its_key(roster: Roster) -> None:
    await roster.register(card("box", key="abcd"))
    await roster.register(card("abc", offer("sage"), key="abce"))
    assert (await roster.find("box")).key == "abcd"
    assert (await roster.find("abc")).key == "abce", "a name wins"
    assert (await roster.find("abcd")).name == "box"
    with pytest.raises(BadInput, match="several keys begin with 'ab'"):
        await roster.find("ab")
    for unknown in ("zz", ""):
        with pytest.raises(BadInput, match=f"no node '{unknown}' in network 'team'"):
            await roster.find(unknown)


async def test_the_owner_of_a_key_may_leave_for_whichever_process_has_it(roster: Roster) -> None:
    box = await roster.register(card("box"))
    await roster.drain(box.key, None)
    assert await states(roster) == {"box": "draining"}
    await roster.leave(box.key, None)
    assert await states(roster) == {"box": "gone"}


async def test_a_draining_node_is_gone_when_its_lease_is_over(roster: Roster) -> None:
    box = await roster.register(card("box"), now=at(0))
    await roster.drain(box.key, box.lease)
    assert await roster.sweep(now=at(10)) == []
    (event,) = await roster.sweep(now=at(16))
    assert (event.before, event.after) == ("draining", "gone")


async def test_a_hub_that_comes_back_believes_its_nodes_for_another_lease(database: Database) -> None:
    """It was killed: nobody could hear heartbeats meanwhile. Without one, the nodes are gone a lease later."""
    before = Roster(Nodes(database, "team"), hosting=True)
    box = await before.register(card("box"), now=at(0))
    await before.heartbeat(box.key, box.lease, now=at(0))
    seconds = 0.0
    back = Roster(Nodes(database, "team"), hosting=True, clock=lambda: seconds)
    assert await back.sweep(now=at(100)) == []
    assert await back.heartbeat(box.key, box.lease, now=at(101)) == "active"
    for seconds in range(1, 30):
        changed = await back.sweep(now=at(101 + seconds))
        if changed and changed[0].after == "gone":
            break
    assert 15 < seconds < 18


async def test_a_hub_that_was_suspended_believes_its_nodes_for_another_lease(database: Database) -> None:
    """It is the same process, which neither swept nor heard anything for a minute."""
    seconds = 0.0
    hub = Roster(Nodes(database, "team"), hosting=True, clock=lambda: seconds)
    await hub.sweep(now=at(0))
    box = await hub.register(card("box"), now=at(0))
    await hub.heartbeat(box.key, box.lease, now=at(0))
    seconds = 60.0
    assert await hub.sweep(now=at(60)) == []
    assert await states(hub) == {"box": "active"}
    assert await hub.heartbeat(box.key, box.lease, now=at(61)) == "active"


async def test_a_clock_that_is_set_forward_takes_no_node_away(database: Database) -> None:
    seconds = 0.0
    roster = Roster(Nodes(database, "team"), hosting=True, clock=lambda: seconds)
    await roster.sweep(now=at(0))
    box = await roster.register(card("box"), now=at(0))
    await roster.heartbeat(box.key, box.lease, now=at(0))
    seconds = 1.0
    assert await roster.sweep(now=at(3600)) == []
    seconds = 2.0
    assert await roster.sweep(now=at(3601)) == []
    assert await states(roster) == {"box": "active"}


async def test_a_clock_that_is_set_back_does_not_keep_a_dead_node(database: Database) -> None:
    seconds = 0.0
    roster = Roster(Nodes(database, "team"), hosting=True, clock=lambda: seconds)
    await roster.sweep(now=at(3600))
    box = await roster.register(card("box"), now=at(3600))
    await roster.heartbeat(box.key, box.lease, now=at(3600))
    for seconds in range(1, 40):
        changed = await roster.sweep(now=at(seconds))
        if changed and changed[0].after == "gone":
            break
    assert seconds < 20


async def test_after_heartbeats_that_could_not_be_written_no_node_is_gone(database: Database) -> None:
    class Failing(Nodes):
        broken = False

        async def write(self, work):  # type: ignore[no-untyped-def]
            if self.broken:
                raise StoreError("store: database is locked")
            return await super().write(work)

    seconds, nodes = 0.0, Failing(database, "team")
    roster = Roster(nodes, hosting=True, clock=lambda: seconds)
    await roster.sweep(now=at(0))
    box = await roster.register(card("box"), now=at(0))
    await roster.heartbeat(box.key, box.lease, now=at(0))
    nodes.broken = True
    for seconds in range(1, 20):
        with pytest.raises(StoreError):
            await roster.heartbeat(box.key, box.lease, now=at(seconds))
    nodes.broken = False
    assert await roster.sweep(now=at(20)) == []
    assert await states(roster) == {"box": "active"}


async def test_several_processes_change_a_roster_at_once_and_none_misses_a_change(where: str) -> None:
    async def taking_part(roster: Roster, names: list[str]) -> None:
        for name in names:
            record = await roster.register(card(name))
            await roster.heartbeat(record.key, record.lease, Load(queued=len(name)))

    async with await Database.open(where) as one, await Database.open(where) as two:
        first, second = Roster(Nodes(one, "team")), Roster(Nodes(two, "team"))
        names = [[f"{letter}{number}" for number in range(8)] for letter in "ab"]
        await asyncio.gather(taking_part(first, names[0]), taking_part(second, names[1]))
        seen = {frozenset((record.name, record.state) for record in await each.nodes()) for each in (first, second)}
        assert seen == {frozenset((name, "active") for name in names[0] + names[1])}
        sequences = [event.sequence for event in await first.events()]
        assert sequences == list(range(1, 33))
        assert first.epoch == second.epoch == 32


async def test_loads_and_heartbeats_are_read_without_a_change_of_epoch(database: Database) -> None:
    hub, follower = Roster(Nodes(database, "team")), Roster(Nodes(database, "team"))
    box = await hub.register(card("box"), now=at(0))
    await hub.heartbeat(box.key, box.lease, now=at(1))
    assert await follower.refresh()
    epoch = follower.epoch
    assert not await follower.refresh()
    await hub.heartbeat(box.key, box.lease, Load(running=3, free_cells=7), now=at(2))
    assert await follower.refresh()
    assert (follower.known[0].load, follower.known[0].heard) == (Load(running=3, free_cells=7), at(2))
    assert follower.epoch == epoch


async def test_a_change_of_a_members_standing_is_an_event_of_its_node(roster: Roster) -> None:
    box = await roster.register(card("box"), now=at(0))
    event = NodeEvent(
        time=at(1), node="box", key=box.key, member="poet", before="probation", after="active", why="28 of 30 right"
    )
    assert (await roster.record(event)).sequence == 2
    assert (await roster.events(key=box.key))[1].member == "poet"
    assert [record.state for record in await roster.nodes()] == ["joining"]


async def test_listeners_hear_of_changes_and_not_of_heartbeats(roster: Roster) -> None:
    heard: list[int] = []
    stop = roster.listen(lambda: heard.append(1))
    box = await roster.register(card("box"))
    await roster.heartbeat(box.key, box.lease)
    assert len(heard) == 2
    await roster.heartbeat(box.key, box.lease)
    assert len(heard) == 2
    stop()
    await roster.leave(box.key, box.lease)
    assert len(heard) == 2
