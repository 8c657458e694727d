"""What fusion makes of a model's vocabulary: once for each model, and freed with it."""

from __future__ import annotations

import asyncio
import gc
import weakref

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.sampling import Sampling
from agentnet.fusion.loop import FusionLoop
from agentnet.fusion.members import LocalMember
from agentnet.fusion.strategies import Mean
from agentnet.fusion.tokenizer_view import tokenizer_view
from agentnet.models.base import Request
from agentnet.models.llama import LlamaModel
from agentnet.zoo import catalog

ASK = Request(({"role": "user", "content": "What is 347 + 285?\nsolve"},), Sampling(max_tokens=5))


def opened(name: str) -> LlamaModel:
    path = catalog.path(name)
    return LlamaModel(path, LlamaSpec(path=str(path), threads=1, sequences=2))


async def test_sessions_of_one_model_share_its_view() -> None:
    one, other = opened("math"), opened("sage")
    views = [tokenizer_view(await model.open_session(ASK)) for model in (one, one, other)]
    assert views[0] is views[1]
    assert views[0] is not views[2]
    for model in (one, other):
        await model.close()


async def test_models_that_come_and_go_leave_nothing_behind() -> None:
    left: list[weakref.ref[object]] = []
    for _ in range(6):
        model = opened("math")
        members = [LocalMember(name, await model.open_session(ASK)) for name in ("one", "two")]
        assert (await FusionLoop(members, Mean(), limit=5).decode()).text
        left += [weakref.ref(members[0].session.vocabulary), weakref.ref(tokenizer_view(members[0].session))]
        await model.close()
        del model, members
    # A worker thread keeps its last call alive until it gets the next one.
    await asyncio.get_running_loop().shutdown_default_executor()
    gc.collect()
    assert [reference() for reference in left] == [None] * 12
