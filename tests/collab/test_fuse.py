"""The `fuse` combinator on real models of the zoo: one message, whoever took part, and nested in other protocols."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentnet.agents import ModelAgent
from agentnet.contracts.bodies import Error, Fusion, Result, Task
from agentnet.contracts.limits import Limits
from agentnet.contracts.model_specs import LlamaSpec, OpenAISpec
from agentnet.contracts.network import AgentSpec, NetworkSpec
from agentnet.contracts.protocols import Fuse, ProtocolSpec, Verify
from agentnet.coordinator import Coordinator
from agentnet.errors import ModelError, PreflightError, ProtocolError
from agentnet.models.base import Request
from agentnet.models.llama import LlamaModel
from agentnet.models.openai.model import OpenAIModel
from agentnet.models.tokens import Row, hold
from agentnet.session import Session, open_session
from tests.models.llama.files import letter, write_chain
from tests.scripted import agent, network, says, spec

SUM = Task(text="What is 347 + 285?", label="math")


@pytest.fixture
async def session() -> AsyncIterator[Session]:
    async with open_session("zoo", remember=False) as found:
        yield found


async def run(session: Session, protocol: Any, **more: Any) -> Any:
    found = protocol if isinstance(protocol, ProtocolSpec) else spec({"fuse": protocol})
    return await session.run(SUM, found, **more)


def evaluated(session: Session) -> int:
    """Tokens that went through the models of a network so far."""
    models = (agent.model for agent in session.network if isinstance(agent, ModelAgent))
    return sum(model.stats.evaluated_tokens for model in models if isinstance(model, LlamaModel))


@pytest.mark.parametrize("strategy", ["duetnet", "duetnet-logprobs", "dp", "pi", "gac", "unite", "max"])
async def test_members_say_one_answer(session: Session, strategy: str) -> None:
    outcome = await run(session, {"members": ["math", "sage"], "strategy": strategy})
    assert outcome.answer == "632"
    fused = next(message for message in outcome.messages if isinstance(message.body, Fusion))
    assert fused.sender == "fusion"
    assert fused.body.members == ("math", "sage")
    assert "".join(piece.text for piece in fused.body.pieces) == fused.body.text
    assert fused.usage.calls == 2
    assert fused.body.pieces[-1].text == ""
    assert any(len(piece.shares) == 2 for piece in fused.body.pieces)


async def test_byte_by_byte(session: Session) -> None:
    outcome = await run(session, {"members": ["math", "sage"], "strategy": "pi", "level": "bytes"})
    (fused,) = (message.body for message in outcome.messages if isinstance(message.body, Fusion))
    assert fused.answer == "632"
    assert {len(piece.text) for piece in fused.pieces} == {0, 1}


async def test_one_vocabulary_agrees_by_token_even_where_bytes_are_asked_for(session: Session) -> None:
    """Copies of one tokenizer then say exactly what a model says by itself."""
    outcome = await run(session, {"members": ["atlas"], "strategy": "pi", "level": "bytes"})
    alone = await session.run(SUM, spec("atlas"))
    fused = outcome.messages[1].body
    assert isinstance(fused, Fusion)
    assert fused.text == alone.messages[1].body.text
    assert max(len(piece.text) for piece in fused.pieces) > 1


async def test_two_copies_say_byte_by_byte_what_the_model_says(tmp_path: Path) -> None:
    twins = NetworkSpec(
        name="twins",
        agents=tuple(AgentSpec(name=name, model=LlamaSpec(path="zoo:sage"), pack="compact") for name in ("one", "two")),
    )
    async with open_session((twins, tmp_path), remember=False) as found:
        alone = await found.coordinator.run(SUM, spec("one"))
        fused = await found.coordinator.run(
            SUM, spec({"fuse": {"members": ["one", "two"], "strategy": "pi", "level": "bytes"}})
        )
    assert fused.messages[1].body.text == alone.messages[1].body.text
    assert fused.messages[1].body.respelled == {"one": 0, "two": 0}


async def test_whose_thoughts_do_not_fit_takes_part_without_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    endless = write_chain(tmp_path / "endless.gguf", {letter(one): {letter("x"): 20.0} for one in ">x"})
    models = {"sage": LlamaSpec(path="zoo:sage"), "endless": LlamaSpec(path=str(endless), context=256)}
    agents = tuple(AgentSpec(name=name, model=model, pack="compact") for name, model in models.items())
    async with open_session((NetworkSpec(name="n", agents=agents), tmp_path), remember=False) as found:
        fuse = {"members": ["endless", "sage"], "strategy": "pi", "think": 300, "sampling": {"max_tokens": 5}}
        outcome = await found.coordinator.run(SUM, spec({"fuse": fuse}))
    assert "endless takes part without having thought" in caplog.text
    body = outcome.messages[1].body
    assert isinstance(body, Fusion)
    assert body.dropped == {}
    assert all("endless" in piece.shares for piece in body.pieces)


async def test_answers_that_are_fused_side_by_side_read_their_prompts_once(session: Session) -> None:
    """The zoo has one sequence for each model: they wait for each other instead of taking each other's session."""
    branches = [{"fuse": {"members": pair}} for pair in (["atlas", "sage"], ["sage", "scout"], ["scout", "atlas"])]
    protocol = spec({"serial": {"steps": [{"parallel": {"branches": branches}}, "sage"]}})
    tasks = [Task(text=f"What is {first} + 285?", label="math") for first in range(347, 353)]
    in_turn = [await session.run(task, protocol) for task in tasks]
    before = evaluated(session)
    at_once = await asyncio.gather(*(session.run(task, protocol) for task in tasks))
    assert evaluated(session) == 2 * before
    assert [outcome.answer for outcome in at_once] == [outcome.answer for outcome in in_turn]
    assert [outcome.usage.tokens for outcome in at_once] == [outcome.usage.tokens for outcome in in_turn]


async def test_who_waits_for_a_place_is_not_late(session: Session) -> None:
    """No deadline runs before all members have one: the first piece is said by all."""
    sage = session.network["sage"].model
    assert isinstance(sage, LlamaModel)
    sequence = await sage.open_session(Request(({"role": "user", "content": "?"},)))
    async with hold([sequence]):
        await sequence.step([], Row())
        waiting = asyncio.create_task(run(session, {"members": ["math", "sage"], "strategy": "pi", "deadline": 0.4}))
        await asyncio.sleep(0.6)
        assert not waiting.done()
    sequence.close()
    body = (await waiting).messages[1].body
    assert isinstance(body, Fusion)
    assert set(body.pieces[0].shares) == {"math", "sage"}


async def test_a_run_that_is_over_while_it_waits_gives_its_turn_to_the_next(session: Session) -> None:
    sage = session.network["sage"].model
    assert isinstance(sage, LlamaModel)
    sequence = await sage.open_session(Request(({"role": "user", "content": "?"},)))
    fuse = {"members": ["math", "sage"], "strategy": "pi"}
    async with hold([sequence]):
        cut = await run(session, fuse, limits=Limits(seconds=0.2))
        assert "the limit of 0.2 seconds ran out" in cut.detail
        assert (await run(session, {"members": ["math"]})).answer == "632"
    assert (await asyncio.wait_for(run(session, fuse), 60)).answer == "632"


async def test_it_nests(session: Session) -> None:
    nested = ProtocolSpec(
        name="careful-fusion",
        summary="decode together, then check",
        protocol=Verify(proposer=Fuse(members=("scout", "atlas"), strategy="pi"), verifier="critic"),
    )
    outcome = await run(session, nested)
    assert [message.body.kind for message in outcome.messages][:3] == ["task", "fusion", "verdict"]
    assert isinstance(outcome.messages[-1].body, Result)
    assert outcome.answer == "632"


async def test_selectors_name_each_member_once(session: Session) -> None:
    outcome = await run(session, {"members": ["@best", "math", "@solver:2"], "strategy": "pi"})
    (fused,) = (message.body for message in outcome.messages if isinstance(message.body, Fusion))
    assert len(set(fused.members)) == len(fused.members)
    assert "math" in fused.members
    with pytest.raises(ProtocolError, match=r"fuse\.members\[0\]: no agent 'nobody'"):
        await run(session, {"members": ["nobody"]})


async def test_an_answer_cut_off_by_the_limit_is_not_taken_for_one(session: Session) -> None:
    outcome = await run(session, {"members": ["planner", "atlas"], "sampling": {"max_tokens": 2}})
    body = outcome.messages[1].body
    cut = isinstance(body, Fusion) and len(body.pieces) <= 2
    assert cut or (isinstance(body, Error) and "cut off at the token limit" in body.detail)


async def test_what_it_takes_is_reserved_for_every_member(session: Session) -> None:
    outcome = await run(session, {"members": ["math", "atlas"]}, limits=Limits(calls=1))
    assert outcome.answer is None
    assert "the limit of 1 calls" in outcome.detail


async def test_speculation_asks_models_less_often_for_the_same_text(session: Session) -> None:
    members = {"members": ["atlas", "sage", "scout"], "strategy": "pi"}
    (plain, ahead) = [(await run(session, {**members, "speculate": on})).messages[1].body for on in (False, True)]
    assert [piece.text for piece in plain.pieces] == [piece.text for piece in ahead.pieces]
    assert plain.evaluations == {}
    assert set(ahead.evaluations) == {"atlas", "sage", "scout"}
    assert sum(ahead.evaluations.values()) <= 0.6 * 3 * len(ahead.pieces)


@pytest.mark.parametrize(
    ("fuse", "limits"),
    [({"sure": 0.9}, {}), ({"deadline": 9.0}, {}), ({}, {"tokens": 100_000}), ({}, {"cost": 1.0})],
)
async def test_nothing_is_speculated_where_it_would_cost_what_is_limited(
    session: Session, fuse: dict[str, Any], limits: dict[str, Any]
) -> None:
    pair = {"members": ["math", "sage"], "strategy": "pi", "speculate": True}
    outcome = await run(session, {**pair, **fuse}, limits=Limits(**limits))
    assert outcome.answer == "632"
    assert outcome.messages[1].body.evaluations == {}


@pytest.mark.parametrize(("members", "speculates"), [(["math", "sage"], False), (["math", "sage", "scout"], True)])
async def test_by_default_three_members_speculate_and_two_do_not(
    session: Session, members: list[str], speculates: bool
) -> None:
    outcome = await run(session, {"members": members, "strategy": "pi"})
    assert set(outcome.messages[1].body.evaluations) == (set(members) if speculates else set())


async def test_members_that_do_not_show_their_next_tokens_are_refused() -> None:
    coordinator = Coordinator(network(agent("ada", says("391"))))
    with pytest.raises(PreflightError, match="ada is asked to decode with others, but ada's model does not show"):
        await coordinator.run(SUM, spec({"fuse": {"members": ["ada"]}}))


async def test_where_a_member_is_behind_a_server_a_piece_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float | None] = []

    def loop(*_: Any, deadline: float | None, **__: Any) -> Any:
        given.append(deadline)
        raise ModelError("enough")

    monkeypatch.setattr("agentnet.collab.fused_turn.FusionLoop", loop)
    far = OpenAIModel(OpenAISpec(model="m", base_url="http://127.0.0.1:9/v1"))
    members = [replace(agent("far", says("-")), model=far), replace(agent("off", says("-")), model=far)]
    for fuse in ({}, {"deadline": 2.0}):
        outcome = await Coordinator(network(*members)).run(SUM, spec({"fuse": {"members": ["far", "off"], **fuse}}))
        assert outcome.detail == "enough"
    assert given == [10.0, 2.0]
    await far.close()
