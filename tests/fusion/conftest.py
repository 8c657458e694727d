"""Models of the zoo to decode with, and members that misbehave as a test says."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.sampling import Sampling
from agentnet.contracts.usage import Usage
from agentnet.fusion.loop import Fused, FusionLoop
from agentnet.fusion.members import LocalMember, Member
from agentnet.fusion.strategies import Mean, Strategy
from agentnet.fusion.views import ListedView, View
from agentnet.models.base import Request
from agentnet.models.llama import LlamaModel
from agentnet.zoo import catalog

ASK = Request(({"role": "user", "content": "What is 347 + 285?\nsolve"},), Sampling(max_tokens=60))


@pytest.fixture
async def zoo() -> AsyncIterator[Callable[[str], LlamaModel]]:
    models: dict[str, LlamaModel] = {}

    def model(name: str) -> LlamaModel:
        if name not in models:
            path = catalog.path(name)
            models[name] = LlamaModel(path, LlamaSpec(path=str(path), threads=1, sequences=1, reuse_prefix=False))
        return models[name]

    yield model
    await asyncio.gather(*(model.close() for model in models.values()))


async def member(model: LlamaModel, name: str, request: Request = ASK, **settings: Any) -> LocalMember:
    return LocalMember(name, await model.open_session(request), **settings)


async def together(members: Sequence[Member], strategy: Strategy | None = None, **settings: Any) -> Fused:
    return await FusionLoop(members, strategy or Mean(), **{"limit": 60, **settings}).decode()


class Odd(Member):
    """Says x for ever, or what `script` does instead."""

    def __init__(self, name: str, script: Callable[[int], Any] = lambda step: None) -> None:
        self.name, self.weight = name, 1.0
        self.heard, self.asked, self.closed = b"", 0, False
        self._script = script

    async def view(self) -> View:
        self.asked += 1
        found = self._script(self.asked)
        if asyncio.iscoroutine(found):
            await found
        return ListedView(self.name, {b"x": -0.3133, b"y": -1.3133, None: -11.3133})

    async def append(self, piece: bytes) -> None:
        self.heard += piece

    def usage(self) -> Usage:
        return Usage(calls=1)

    def close(self) -> None:
        self.closed = True


class Scripted(Odd):
    """Says one piece after another, each with its probability; the rest is y's."""

    def __init__(self, name: str, script: Sequence[tuple[bytes, float]]) -> None:
        super().__init__(name)
        self._said = list(script)

    async def view(self) -> View:
        piece, probability = self._said.pop(0)
        return ListedView(self.name, {piece: math.log(probability), b"y": math.log(1 - probability)})
