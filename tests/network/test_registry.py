"""Members that join and leave while runs go on: snapshots, and models that stay open for as long as they are used."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agentnet.agents import HumanAgent, ModelAgent
from agentnet.contracts.bodies import Task
from agentnet.contracts.cards import Card
from agentnet.contracts.network import AgentSpec, NetworkSpec
from agentnet.coordinator import Coordinator
from agentnet.errors import ModelError, NetworkError
from agentnet.models.base import Request
from agentnet.models.llama import LlamaModel
from agentnet.network import Registry, find_network, with_cards
from agentnet.network.cards import with_known_cards
from tests.scripted import spec

SUM = Task(text="What is 347 + 285?", label="math")


def member(name: str, model: str = "zoo:math") -> AgentSpec:
    return AgentSpec.model_validate(
        {"name": name, "model": {"path": model, "sequences": 1, "reuse_prefix": False}, "pack": "compact"}
    )


@pytest.fixture
async def registry() -> AsyncIterator[Registry]:
    team = NetworkSpec(name="team", agents=(member("one"), member("two", "zoo:atlas")))
    async with Registry.open(team) as opened:
        yield opened


def model_of(registry: Registry, name: str) -> LlamaModel:
    agent = registry.snapshot()[name]
    assert isinstance(agent, ModelAgent)
    assert isinstance(agent.model, LlamaModel)
    return agent.model


async def alive(model: LlamaModel) -> bool:
    reply = model.generate(Request(({"role": "user", "content": "What is 2 + 3?"},)))
    (outcome,) = await asyncio.gather(reply, return_exceptions=True)
    if isinstance(outcome, ModelError) and "the model is closed" in str(outcome):
        return False
    assert not isinstance(outcome, BaseException), outcome
    return True


async def test_a_snapshot_is_the_same_until_a_member_joins(registry: Registry) -> None:
    before = registry.snapshot()
    assert registry.snapshot() is before
    after = await registry.join(member("three"))
    assert registry.snapshot() is after
    assert [list(network.agents) for network in (before, after)] == [["one", "two"], ["one", "two", "three"]]
    assert after.epoch == before.epoch + 1
    assert [agent.name for agent in after.spec.agents] == list(after.agents)


async def test_members_of_one_file_share_a_model_and_its_last_user_closes_it(registry: Registry) -> None:
    await registry.join(member("three"))
    model = model_of(registry, "one")
    assert model_of(registry, "three") is model
    await registry.leave("one")
    assert await alive(model)
    await registry.leave("three")
    assert not await alive(model)


async def test_a_model_that_a_run_uses_stays_open_until_the_run_ends(registry: Registry) -> None:
    model = model_of(registry, "one")
    async with registry.lease() as network:
        await registry.leave("one")
        assert "one" not in registry.snapshot().agents
        assert await alive(model)
        assert (await Coordinator(network).run(SUM, spec("one"))).answer == "632"
    assert not await alive(model)


async def test_a_run_goes_on_with_the_members_that_it_began_with(registry: Registry) -> None:
    coordinator = Coordinator(registry)
    left = asyncio.Event()

    async def leave_after_the_first(event: object) -> None:
        await registry.leave("two")
        left.set()

    protocol = spec({"serial": ["one", "two", "one"]})
    tasks = []
    outcome = await coordinator.run(
        SUM,
        protocol,
        on_event=lambda event: (
            tasks.append(asyncio.ensure_future(leave_after_the_first(event))) if event.kind == "run-started" else None
        ),
    )
    await asyncio.gather(*tasks)
    assert left.is_set()
    assert outcome.status == "done"
    assert [message.sender for message in outcome.messages].count("two") == 1
    with pytest.raises(NetworkError, match="no agent 'two'"):
        registry.snapshot()["two"]


async def test_what_cannot_join_changes_nothing(registry: Registry, tmp_path: Path) -> None:
    before = registry.snapshot()
    with pytest.raises(NetworkError, match="has an agent 'one' already"):
        await registry.join(member("one"))
    with pytest.raises(ModelError):
        await registry.join(member("good", "zoo:facts"), member("bad", str(tmp_path / "none.gguf")))
    assert registry.snapshot() is before
    with pytest.raises(NetworkError, match="no agent 'nobody'"):
        await registry.leave("nobody")
    await registry.leave("one")
    with pytest.raises(NetworkError, match="two is the last member"):
        await registry.leave("two")


async def test_of_two_that_want_one_name_one_joins(registry: Registry) -> None:
    outcomes = await asyncio.gather(
        registry.join(member("three")), registry.join(member("three", "zoo:scout")), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [type(registry.snapshot()), NetworkError]
    assert [agent.name for agent in registry.snapshot().spec.agents] == ["one", "two", "three"]
    with pytest.raises(NetworkError, match="two agents are called 'four'"):
        await registry.join(member("four"), member("four"))
    with pytest.raises(NetworkError, match="no agent can be called 'coordinator'"):
        await registry.join(member("coordinator"))


async def test_a_join_that_is_cancelled_leaves_no_model_open(registry: Registry) -> None:
    model = model_of(registry, "one")
    joining = asyncio.create_task(registry.join(member("three"), member("four", "zoo:scout")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    joining.cancel()
    with pytest.raises(asyncio.CancelledError):
        await joining
    await registry.leave("one")
    assert not await alive(model)
    assert "three" in (await registry.join(member("three"))).agents


async def test_nothing_joins_a_network_that_is_closed() -> None:
    team = NetworkSpec(name="team", agents=(member("one"),))
    async with Registry.open(team) as registry:
        late = asyncio.create_task(registry.join(member("two", "zoo:scout")))
        await asyncio.sleep(0)
    with pytest.raises((NetworkError, ModelError)):
        await late
    with pytest.raises(NetworkError, match="is closed: open it again"):
        await registry.join(member("three"))


async def test_a_zoo_model_that_joins_brings_its_card_and_its_pack(registry: Registry) -> None:
    network = await registry.join(member("judge", "zoo:critic"))
    assert network["judge"].card.roles == ("verifier", "judge")
    network = await registry.join(AgentSpec.model_validate({"name": "plain", "model": "zoo:math"}))
    assert (await Coordinator(network).run(SUM, spec("plain"))).answer == "632"
    assert network.spec.agents[-1].card == network["plain"].card


async def test_a_person_joins_without_a_model(registry: Registry) -> None:
    network = await registry.join(AgentSpec.model_validate({"name": "maria", "human": "terminal"}))
    person = network["maria"]
    assert isinstance(person, HumanAgent)
    assert person.pack.name == "person"
    await registry.leave("maria")


def test_cards_of_zoo_models_are_known_where_the_file_gives_none() -> None:
    own = AgentSpec.model_validate({"name": "own", "model": "zoo:math", "card": {"claims": {"math": 0.1}}})
    plain = AgentSpec.model_validate({"name": "plain", "model": "zoo:math"})
    known = with_known_cards(NetworkSpec(name="n", agents=(own, plain)))
    assert known.agents[0].card == Card(claims={"math": 0.1})
    assert known.agents[1].card.measured["math"].accuracy > 0.5


def test_an_unknown_zoo_model_is_told_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "team.yaml"
    path.write_text("name: team\nagents: [{name: a, model: 'zoo:nothing'}]\n")
    with pytest.raises(NetworkError, match=r"team.yaml: no zoo model 'nothing'"):
        find_network(str(path))


async def test_cards_are_replaced_in_a_snapshot_of_its_own(registry: Registry) -> None:
    before = registry.snapshot()
    after = before.with_cards({"one": Card(claims={"math": 0.2})})
    assert after["one"].card.score("math") == 0.2
    assert before["one"].card.score("math") != 0.2
    assert after.spec.agents[0].card == after["one"].card
    assert model_of(registry, "one") is after["one"].model  # type: ignore[attr-defined]


async def test_other_cards_hold_the_models_that_a_run_uses_and_follow_who_joins(registry: Registry) -> None:
    model = model_of(registry, "one")
    members = with_cards(registry, {"one": Card(claims={"math": 0.2})})
    assert members.snapshot() is members.snapshot()
    assert members.snapshot()["one"].card.score("math") == 0.2
    async with members.lease() as network:
        await registry.leave("one")
        assert await alive(model)
        assert network["one"].card.score("math") == 0.2
    assert not await alive(model)
    await registry.join(member("three"))
    assert list(members.snapshot().agents) == ["two", "three"]
    with pytest.raises(NetworkError, match="no agent 'one'"):
        with_cards(registry, {"one": Card()})
