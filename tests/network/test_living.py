"""Members of nodes join and leave a network as their nodes do, in every process that has the store."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from agentnet.contracts.bodies import Task
from agentnet.contracts.limits import Limits
from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.network import AgentSpec, NetworkSpec
from agentnet.contracts.nodes import NodeSpec
from agentnet.coordinator import Coordinator
from agentnet.errors import ModelUnavailable, StoreError
from agentnet.models.backends import open_model
from agentnet.models.base import Model
from agentnet.models.node.directory import Directory
from agentnet.network import Registry
from agentnet.network.living import RETRY_SECONDS, Living
from agentnet.network.roster import Roster
from agentnet.store import Database, Runs
from agentnet.store.nodes import Nodes
from tests.scripted import spec

from .nodes import card, offer

SUM = Task(text="What is 347 + 285?", label="math")
TEAM = NetworkSpec(
    name="team", agents=(AgentSpec.model_validate({"name": "own", "model": "zoo:math", "pack": "compact"}),)
)


AWAY = {"away"}
"""Digests of models that cannot be opened."""


def open_zoo_model(node: NodeSpec) -> Model:
    """Stand for the models of nodes: one of the zoo, whose name is the member's digest."""
    if node.digest in AWAY:
        raise ModelUnavailable(f"{node.member}: no node answers")
    return open_model(LlamaSpec(path=f"zoo:{node.digest}", sequences=1, reuse_prefix=False), base=Path.cwd())


class Hub:
    """A coordinator with its registry and the roster that it follows."""

    def __init__(self, registry: Registry, roster: Roster, directory: Directory, living: Living) -> None:
        self.registry, self.roster, self.directory, self.living = registry, roster, directory, living

    @property
    def members(self) -> list[str]:
        return list(self.registry.snapshot().agents)


@asynccontextmanager
async def hub(path: str | Path, team: NetworkSpec = TEAM, *, poll: float = 0.05) -> AsyncIterator[Hub]:
    async with (
        await Database.open(path, {"busy_timeout": 50}) as database,
        Registry.open(team, open_node=open_zoo_model) as registry,
    ):
        roster, directory = Roster(Nodes(database, team.name), own=registry.own_names), Directory()
        yield Hub(registry, roster, directory, Living(registry, roster, directory, poll=poll))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def math_offer(name: str = "poet") -> dict[str, object]:
    return offer(name, "math", pack="compact")


async def active(roster: Roster, name: str, *offers: dict[str, object]) -> tuple[str, str]:
    record = await roster.register(card(name, *offers))
    await roster.heartbeat(record.key, record.lease)
    return record.key, record.lease


async def until(hub: Hub, *members: str) -> None:
    async with asyncio.timeout(10):
        while hub.members != list(members):
            await asyncio.sleep(0.01)


async def test_a_member_is_there_while_a_node_offers_it(store: Path) -> None:
    async with hub(store) as here:
        one = await active(here.roster, "one", math_offer())
        await here.living.refresh()
        assert here.members == ["own", "poet"]
        network = here.registry.snapshot()
        assert network.joined == {"poet"}
        assert not network.shows_its_tokens("poet")
        assert (await Coordinator(here.registry).run(SUM, spec("poet"))).answer == "632"
        two = await active(here.roster, "two", math_offer())
        await here.living.refresh()
        assert here.registry.snapshot() is network, "a replica is no new member"
        assert {end.node for end in here.directory.endpoints("poet", "math")} == {"one", "two"}
        await here.roster.leave(*one)
        await here.living.refresh()
        assert here.members == ["own", "poet"]
        assert [end.node for end in here.directory.endpoints("poet", "math")] == ["two"]
        await here.roster.drain(*two)
        await here.living.refresh()
        assert here.members == ["own"]


async def test_a_node_that_only_registered_is_not_asked(store: Path) -> None:
    async with hub(store) as here:
        await here.roster.register(card("one", math_offer()))
        await here.living.refresh()
        assert here.members == ["own"]


async def test_another_process_with_the_same_store_sees_the_same_members(where: str) -> None:
    async with hub(where) as one, hub(where) as other, other.living.following():
        key, lease = await active(one.roster, "box", math_offer("poet"), offer("sage", "atlas", pack="compact"))
        await until(other, "own", "poet", "sage")
        assert one.members == ["own"], "it does not follow"
        await one.roster.leave(key, lease)
        await until(other, "own")


async def test_what_this_process_changes_is_followed_at_once(store: Path) -> None:
    async with hub(store, poll=3600) as here, here.living.following():
        key, _ = await active(here.roster, "box", math_offer())
        await until(here, "own", "poet")
        await here.roster.expel(key, "its answers were wrong", p0=0.9, p1=0.6)
        await until(here, "own")


async def test_following_ends_even_at_the_moment_of_a_change(store: Path) -> None:
    async with hub(store, poll=3600) as here, asyncio.timeout(60):
        for turns in range(6):  # turns of the event loop between the change and the end
            async with here.living.following():
                await asyncio.sleep(0.05)  # it waits for a change now
                here.roster._tell()
                for _ in range(turns):
                    await asyncio.sleep(0)


async def test_members_of_a_network_of_another_name_stay_out(store: Path) -> None:
    async with hub(store) as here, hub(store, TEAM.model_copy(update={"name": "others"})) as others:
        await active(here.roster, "box", math_offer())
        await here.living.refresh()
        await others.living.refresh()
        assert (here.members, others.members) == (["own", "poet"], ["own"])


async def test_a_member_that_cannot_be_opened_stays_out_alone_and_is_named_once(
    store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with hub(store) as here:
        with caplog.at_level(logging.WARNING, "agentnet.nodes"):
            await active(here.roster, "box", math_offer(), offer("lost", "away"))
            await here.living.refresh()
            await active(here.roster, "two", math_offer())
            await here.living.refresh()
        assert here.members == ["own", "poet"]
        assert [record.message for record in caplog.records] == [
            "lost of a node does not take part: lost: no node answers"
        ]


async def test_a_member_that_could_not_be_opened_is_tried_again(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = 0.0
    monkeypatch.setattr("agentnet.network.living.time", SimpleNamespace(monotonic=lambda: seconds))
    async with hub(store) as here:
        monkeypatch.setattr(f"{__name__}.AWAY", {"math"})
        await active(here.roster, "box", math_offer())
        await here.living.refresh()
        monkeypatch.setattr(f"{__name__}.AWAY", set())
        seconds = RETRY_SECONDS - 1
        await here.living.refresh()
        assert here.members == ["own"]
        seconds = RETRY_SECONDS + 1
        await here.living.refresh()
        assert here.members == ["own", "poet"]


async def test_a_member_of_the_network_file_is_not_replaced(store: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The hub refuses such a node; a coordinator with another file may find one."""
    async with hub(store, TEAM.model_copy(update={"agents": ()})) as elsewhere, hub(store) as here:
        await active(elsewhere.roster, "box", offer("own", "atlas"), math_offer())
        await here.living.refresh()
        assert here.members == ["own", "poet"]
        assert "own of a node does not take part: the network file has a member of this name" in caplog.text


async def test_a_member_whose_model_changed_leaves_and_joins(store: Path) -> None:
    async with hub(store) as here:
        key, lease = await active(here.roster, "box", math_offer())
        await here.living.refresh()
        before = here.registry.snapshot()
        await here.roster.leave(key, lease)
        await active(here.roster, "box", offer("poet", "atlas", pack="compact"))
        await here.living.refresh()
        after = here.registry.snapshot()
        assert here.members == ["own", "poet"]
        assert (before.spec.agents[1].model, after.spec.agents[1].model) == (
            NodeSpec(member="poet", digest="math"),
            NodeSpec(member="poet", digest="atlas"),
        )


async def test_a_run_is_resumed_with_the_members_that_it_began_with(where: str) -> None:
    """In a new process whose roster has other members by then: it has not one turn more, and none is taken twice."""
    everyone = spec({"serial": ["own", {"parallel": {"branches": ["@solver"], "decide": "majority"}}]})
    async with await Database.open(where) as database, hub(where) as first:
        box = await active(first.roster, "box", math_offer())
        await first.living.refresh()
        coordinator = Coordinator(first.registry, store=Runs(database))
        stopped = await coordinator.run(SUM, everyone, limits=Limits(calls=1))
        assert (stopped.status, [message.sender for message in stopped.messages]) == ("stopped", ["user", "own"])
        await first.roster.leave(*box)
    async with await Database.open(where) as database, hub(where) as second:
        await active(second.roster, "new", offer("sage", "atlas", pack="compact"))
        await second.living.refresh()
        assert second.members == ["own", "sage"]
        coordinator = Coordinator(second.registry, store=Runs(database))
        resumed = await coordinator.resume(await Runs(database).record(stopped.run), everyone, limits=Limits())
        assert (resumed.status, resumed.answer) == ("done", "632")
        assert sorted(message.sender for message in resumed.messages if message.usage.calls) == ["own", "own", "poet"]
        assert second.members == ["own", "sage"]


async def test_a_lease_of_the_present_members_is_the_snapshot_itself(store: Path) -> None:
    async with hub(store) as here:
        await active(here.roster, "box", math_offer())
        await here.living.refresh()
        now = here.registry.snapshot()
        async with here.registry.lease(now.spec) as network:
            assert network is now
        async with here.registry.lease(TEAM) as network:
            assert list(network.agents) == ["own"]


async def test_a_store_that_is_locked_is_told_and_the_members_stay(store: Path) -> None:
    async with hub(store) as writer, hub(store) as here:
        key, lease = await active(writer.roster, "box", math_offer())
        await here.living.refresh()
        with closing(sqlite3.connect(store, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="database is locked; another process holds it: try again"):
                await writer.roster.heartbeat(key, lease)
            await here.living.refresh()
            assert here.members == ["own", "poet"]
            other.execute("ROLLBACK")
        assert await writer.roster.heartbeat(key, lease) == "active"


async def test_a_roster_that_cannot_be_read_leaves_the_members_until_it_can(
    store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "agentnet.nodes")
    async with hub(store) as here, here.living.following():
        await active(here.roster, "box", math_offer())
        await until(here, "own", "poet")
        with closing(sqlite3.connect(store, isolation_level=None)) as other:
            other.execute("ALTER TABLE nodes RENAME TO mislaid")
            await said(caplog, "the nodes cannot be read, and stay as they were: store")
            assert here.members == ["own", "poet"]
            other.execute("ALTER TABLE mislaid RENAME TO nodes")
        await said(caplog, "the nodes can be read again")
        assert [record.message for record in caplog.records if "cannot be read" in record.message] == [
            f"the nodes cannot be read, and stay as they were: store {store}: no such table: nodes; check it, or "
            "choose another place with --store or AGENTNET_STORE"
        ]


async def said(caplog: pytest.LogCaptureFixture, beginning: str) -> None:
    async with asyncio.timeout(10):
        while not any(record.message.startswith(beginning) for record in caplog.records):
            await asyncio.sleep(0.01)
