"""A member whose model lives in another process says what it says in this one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.sampling import Sampling
from agentnet.fusion.loop import Fused, FusionLoop
from agentnet.fusion.members import LocalMember
from agentnet.fusion.strategies import Mean
from agentnet.models.base import Request
from agentnet.models.llama import LlamaModel
from agentnet.models.tokens import TokenSession, TokenStepper, hold
from agentnet.zoo import catalog
from benchmarks.generated.vocabularies import open_vocabulary
from tests.fusion.elsewhere import ModelElsewhere

ASK = Request(({"role": "user", "content": "What is 347 + 285?\nsolve"},), Sampling(max_tokens=60))
PATH = catalog.path("sage")


@pytest.fixture
async def here() -> AsyncIterator[LlamaModel]:
    model = LlamaModel(PATH, LlamaSpec(path=str(PATH), threads=1, sequences=2, reuse_prefix=False))
    yield model
    await model.close()


async def decoded(*sessions: TokenSession, bytewise: bool = False, think: int = 0) -> Fused:
    members = [LocalMember(name, session) for name, session in zip(("one", "two"), sessions, strict=True)]
    async with hold(sessions):
        for member in members:
            if think:
                await member.think(b"</think>", think)
        agreeing = [member.by_bytes() for member in members] if bytewise else members
        return await FusionLoop(agreeing, Mean(), limit=200).decode()


async def test_a_session_may_live_in_another_process(here: LlamaModel) -> None:
    with open_vocabulary(PATH) as vocabulary:
        model = ModelElsewhere(PATH, vocabulary)
        assert isinstance(model, TokenStepper)
        for way in ({}, {"bytewise": True}, {"think": 5}):
            expected = await decoded(await here.open_session(ASK), await here.open_session(ASK), **way)
            fused = await decoded(await here.open_session(ASK), await model.open_session(ASK), **way)
            assert fused.text == expected.text
            assert [choice.piece for choice in fused.choices] == [choice.piece for choice in expected.choices]
            assert all(set(choice.shares) == {"one", "two"} for choice in fused.choices)
            assert fused.usages["two"] == expected.usages["two"]
        model.close()
    assert expected.finish == "stop"
