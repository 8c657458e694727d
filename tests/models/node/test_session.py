"""A session on a node is a session: it says over the wire, number for number, what the model says in process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import pytest

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.sampling import Sampling
from agentnet.errors import ContextOverflow, ModelError, ModelUnavailable
from agentnet.fusion.loop import Fused, FusionLoop
from agentnet.fusion.members import LocalMember
from agentnet.fusion.speculation import Speculation
from agentnet.fusion.strategies import DuetNet, Mean
from agentnet.models.base import Request
from agentnet.models.llama import LlamaModel
from agentnet.models.node.client import NodeClient
from agentnet.models.node.session import NodeSession
from agentnet.models.node.vocabulary import VOCABULARIES
from agentnet.models.tokens import Argmax, Row, TokenSession, TokenStepper, TracingSession, WithOwn, hold
from agentnet.zoo import catalog
from tests.models.node.nodes import Entered, Here, client, served, service

ASK = Request(({"role": "user", "content": "What is 347 + 285?\nsolve"},), Sampling(max_tokens=60))
MEMBERS = ("math", "sage")


@pytest.fixture(params=[4])
async def models(request: pytest.FixtureRequest) -> AsyncIterator[dict[str, LlamaModel]]:
    """With one sequence, a model computes the same bits whatever came before."""
    found = {}
    for name in MEMBERS:
        path, sequences = catalog.path(name), request.param
        spec = LlamaSpec(path=str(path), threads=1, sequences=sequences, reuse_prefix=sequences > 1)
        found[name] = LlamaModel(path, spec)
    yield found
    await asyncio.gather(*(model.close() for model in found.values()))


@pytest.fixture
def entered() -> Entered:
    return Entered()


@pytest.fixture
async def url(models: dict[str, LlamaModel], entered: Entered) -> AsyncIterator[str]:
    members = {name: Here(model, catalog.path(name)) for name, model in models.items()}
    async with served(service(members, entered).routes()) as address:
        yield address


@pytest.fixture
async def there(url: str) -> AsyncIterator[dict[str, NodeClient]]:
    clients = {name: client(url, name) for name in MEMBERS}
    yield clients
    await asyncio.gather(*(one.close() for one in clients.values()))
    assert len(VOCABULARIES) == 0


async def decoded(models: dict[str, Any], *, bytewise: bool = False, think: int = 0, speculate: bool = False) -> Fused:
    sessions: dict[str, TokenSession] = {name: await model.open_session(ASK) for name, model in models.items()}
    members = [LocalMember(name, session) for name, session in sessions.items()]
    async with hold(list(sessions.values())):
        for member in members:
            if think:
                await member.think(b"</think>", think)
        agreeing = [member.by_bytes() for member in members] if bytewise else members
        drafts = Speculation(agreeing) if speculate else None
        strategy = Mean() if bytewise else DuetNet(values="logprobs")
        return await FusionLoop(agreeing, strategy, limit=200, speculation=drafts).decode()


@pytest.mark.parametrize("models", [1], indirect=True)
@pytest.mark.parametrize("way", [{}, {"bytewise": True}, {"think": 5}, {"speculate": True}], ids=str)
async def test_a_fused_text_is_the_same_piece_by_piece(
    models: dict[str, LlamaModel], there: dict[str, NodeClient], way: dict[str, Any]
) -> None:
    expected, fused = await decoded(models, **way), await decoded(there, **way)
    assert fused.text == expected.text
    assert fused.choices == expected.choices
    assert not fused.dropped
    assert fused.finish == "stop"
    mixed = await decoded({"math": models["math"], "sage": there["sage"]}, **way)
    assert mixed.choices == expected.choices


async def test_readings_are_those_of_the_model(models: dict[str, LlamaModel], there: dict[str, NodeClient]) -> None:
    assert isinstance(there["math"], TokenStepper)
    here, other = await models["math"].open_session(ASK), await there["math"].open_session(ASK)
    assert isinstance(other, TracingSession)
    assert isinstance(here, TracingSession)
    assert (other.prompt, other.prompt_tokens) == (here.prompt, here.prompt_tokens)
    vocabulary = here.vocabulary
    assert other.vocabulary.size == vocabulary.size
    assert [other.vocabulary.piece(token) for token in range(vocabulary.size)] == [
        vocabulary.piece(token) for token in range(vocabulary.size)
    ]
    assert [other.vocabulary.ends(token) for token in range(vocabulary.size)] == [
        vocabulary.ends(token) for token in range(vocabulary.size)
    ]
    row = await here.step([], Row())
    top = int(row.argmax())
    readings: list[Any] = [
        Row(),
        Argmax(),
        Argmax(frozenset({top})),
        WithOwn(Row(), Argmax(frozenset({top}))),
        WithOwn(WithOwn(Argmax(), Argmax(frozenset({top}))), Argmax(frozenset({0, 1}))),
    ]
    for reading in readings:
        assert _same(await other.step([], reading), reading.of(row))
    for barred in range(20):  # more sets of barred tokens than the node keeps
        assert await other.step([], Argmax(frozenset({top, barred}))) == Argmax(frozenset({top, barred})).of(row)
    assert (await other.trace([[5], [5, 6], [7]], Argmax()))[0] == await here.step([5], Argmax())
    ahead, expected = await other.run_ahead([], Row(), Argmax(), 6), await here.run_ahead([], Row(), Argmax(), 6)
    assert [own for _, own in ahead] == [own for _, own in expected]
    here.close()
    other.close()


def _same(one: Any, other: Any) -> bool:
    """Whether two readings are equal but for rounding, which depends on how many tokens are evaluated together."""
    if isinstance(one, tuple):
        return all(_same(*pair) for pair in zip(one, other, strict=True))
    return np.allclose(one, other, atol=5e-3) and type(one) is type(other)


async def test_usage_counts_what_the_node_evaluated(
    models: dict[str, LlamaModel], there: dict[str, NodeClient]
) -> None:
    fused = await decoded(there)
    assert fused.usages["math"].prompt_tokens == (await models["math"].open_session(ASK)).prompt_tokens
    assert 0 < fused.usages["math"].completion_tokens <= 200


async def test_a_vocabulary_is_loaded_once_for_all_members_that_have_it(url: str) -> None:
    clients = [client(url, "math") for _ in range(3)]
    sessions = await asyncio.gather(*(one.open_session(ASK) for one in clients))
    assert len({id(session.vocabulary) for session in sessions}) == len(VOCABULARIES) == 1
    await clients[0].close()
    assert len(VOCABULARIES) == 1
    await asyncio.gather(*(one.close() for one in clients))
    assert len(VOCABULARIES) == 0


async def test_a_prompt_that_does_not_fit_is_said_so(there: dict[str, NodeClient]) -> None:
    with pytest.raises(ContextOverflow, match="tokens"):
        await there["math"].open_session(Request(({"role": "user", "content": "1 + " * 5000},)))


async def test_a_member_that_is_not_there_is_named(url: str) -> None:
    stranger = client(url, "nobody")
    with pytest.raises(ModelError, match="no member 'nobody' here"):
        await stranger.open_session(ASK)
    await stranger.close()


async def test_the_node_forgets_a_session_that_is_closed(there: dict[str, NodeClient], entered: Entered) -> None:
    session = await there["math"].open_session(ASK)
    await session.step([], Argmax())
    assert entered.inside == {"math": 1}
    session.close()
    await _until(lambda: entered.inside == {"math": 0})
    with pytest.raises(ModelError, match="closed"):
        await session.step([], Argmax())


async def test_a_step_that_is_given_up_ends_the_session(there: dict[str, NodeClient], entered: Entered) -> None:
    session = await there["math"].open_session(ASK)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await session.step([], Row())
    with pytest.raises(ModelUnavailable, match="given up"):
        await session.step([], Row())
    session.close()
    await _until(lambda: entered.inside == {"math": 0})


async def test_groups_are_held_as_a_whole_in_the_process_of_the_node(
    models: dict[str, LlamaModel], there: dict[str, NodeClient]
) -> None:
    """Two sessions of one node have one admission, which is that of its process."""
    one, other = await there["math"].open_session(ASK), await there["sage"].open_session(ASK)
    assert one.admission is other.admission
    own = await models["math"].open_session(ASK)
    assert own.admission is not None
    assert one.admission.order == own.admission.order
    all_slots = [await models["math"].open_session(ASK) for _ in range(4)]
    waiting: asyncio.Task[None]
    async with hold(all_slots):
        waiting = asyncio.create_task(_held([one, other]))
        await asyncio.sleep(0.2)
        assert not waiting.done()
    await asyncio.wait_for(waiting, 20)


async def _held(sessions: list[NodeSession]) -> None:
    async with hold(sessions):
        await asyncio.gather(*(session.step([], Argmax()) for session in sessions))


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)
