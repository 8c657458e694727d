"""`Profiled`: the snapshot that runs see, by what was measured."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from agentnet.contracts.cards import Measured
from agentnet.contracts.model_specs import OpenAISpec
from agentnet.contracts.network import AgentSpec, NetworkSpec
from agentnet.contracts.profiles import Canaries, Observation
from agentnet.errors import BadInput
from agentnet.network import Network
from agentnet.profiles.members import Profiled
from agentnet.profiles.questions import Known, Questions, digest
from agentnet.store import Database, Profiles
from tests.profiles.working import team
from tests.scripted import agent, says

PROVEN = {"math": Measured(accuracy=0.9, items=100)}


def canary(members: Profiled, name: str, right: bool = True) -> Observation:
    seat = members.seat(name)
    assert seat is not None
    return Observation(seat=seat, source="canary", label="math", right=right, time=datetime.now(UTC))


async def test_those_of_the_file_count_and_those_that_joined_are_on_probation(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with await Database.open(":memory:") as database:
        store = Profiles(database)
        network = team(agent("ann", says("1")), agent("cal", says("1")), joined=["cal"])
        assert Profiled(network, store, Canaries(), ["math"]).snapshot().probation == {"cal"}
        assert caplog.text == ""
        assert Profiled(network, store, Canaries()).snapshot().probation == {"cal"}
        assert "cal: on probation, and there is nothing to measure by" in caplog.text
        assert Profiled(network, store, Canaries(members="none")).snapshot().probation == frozenset()
        vouched = network.spec.model_copy(
            update={"agents": tuple(one.model_copy(update={"vouched": True}) for one in network.spec.agents)}
        )
        known = Network(vouched, network, joined=network.joined)
        assert Profiled(known, store, Canaries()).snapshot().probation == frozenset()


async def test_a_snapshot_is_the_same_object_until_something_changes(tmp_path: Path) -> None:
    network = team(agent("ann", says("1"), measured=PROVEN), agent("cal", says("1")), joined=["cal"])
    path = tmp_path / "store.db"
    async with await Database.open(path) as one, await Database.open(path) as other:
        here, there = (Profiled(network, Profiles(database), Canaries(), ["math"]) for database in (one, other))
        before = here.snapshot()
        await here.record([canary(here, "cal")])
        for _ in range(6):
            await there.record([canary(there, "cal")])
        assert there.snapshot().probation == frozenset()
        assert here.snapshot().probation == {"cal"}
        async with here.lease() as leased:
            assert leased.probation == frozenset()
            assert here.snapshot() is leased is not before
            assert (leased["cal"].card.proven("math") or 0) > 0.6
            assert leased["ann"].card == before["ann"].card


async def test_a_measured_card_vouches_for_no_server() -> None:
    member = agent("ann", says("1"))
    spec = NetworkSpec(
        name="servers",
        agents=(AgentSpec(name="ann", model=OpenAISpec(model="m", base_url="https://models.example/v1")),),
    )
    async with await Database.open(":memory:") as database:
        members = Profiled(Network(spec, [member]), Profiles(database), Canaries(members="all"), ["math"])
        await members.record([canary(members, "ann")] * 6)
        network = members.snapshot()
        assert network["ann"].card.measured["math"].items == 6
        assert not network.shows_its_tokens("ann")


async def test_another_model_begins_anew() -> None:
    network = team(agent("ann", says("1")), agent("bob", says("1")))
    changed = network.spec.model_copy(
        update={
            "agents": tuple(
                one.model_copy(update={"sampling": one.sampling.model_copy(update={"temperature": 0.5})})
                for one in network.spec.agents
            )
        }
    )
    async with await Database.open(":memory:") as database:
        store = Profiles(database)
        members = Profiled(network, store, Canaries(), ["math"])
        await members.record([canary(members, "ann")] * 3)
        other = Profiled(Network(changed, network), store, Canaries(), ["math"])
        await other.refresh()
        assert (len(members.seats("ann")), other.seats("ann")) == (1, [])
        assert members.seat("nobody") is None


def test_questions_are_drawn_once_and_by_label(tmp_path: Path) -> None:
    file = tmp_path / "own.jsonl"
    file.write_text(
        '{"question": "Who?", "answer": ["Me", "I"], "label": "self"}\n{"question": "2 + 2?", "answer": 4}\n'
    )
    spec = NetworkSpec(name="own", agents=team(agent("ann", says("1"))).spec.agents)
    questions = Questions.of(Canaries(families=("math",), questions=("own.jsonl",)), spec, tmp_path)
    assert questions.labels == {"math", "self", "any"}
    known = questions.draw("self", ())
    assert known is not None
    assert (known.is_right("i"), known.is_right("you")) == (True, False)
    assert questions.draw("self", {known.digest}) is None
    four = questions.draw("any", ())
    assert four is not None
    assert four.is_right("4.0")
    drawn: set[str] = set()
    for _ in range(40):
        found = questions.draw("math", drawn)
        assert found is not None
        assert found.digest not in drawn
        drawn.add(found.digest)


def test_the_families_are_those_that_members_know_something_of() -> None:
    proven = team(agent("ann", says("1"), measured=PROVEN)).spec
    assert Questions.of(Canaries(), proven, Path()).labels == {"math"}
    assert Questions.of(Canaries(families=()), proven, Path()).draw(None, ()) is None
    with pytest.raises(BadInput, match="network 'scripted': canaries: no family of the zoo 'maths'"):
        Questions.of(Canaries(families=("maths",)), proven, Path())
    with pytest.raises(BadInput, match=r"gone\.jsonl"):
        Questions.of(Canaries(questions=("gone.jsonl",)), proven, Path())


def test_white_space_does_not_make_a_new_question() -> None:
    assert digest("What  is\n2 + 2?") == digest(" What is 2 + 2? ")
    assert Known("math", "2 + 2?", ("4",), "own").is_right("four") is False
