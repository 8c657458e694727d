"""A local model whose logits shout: where members decode together, it gives its own token a logit of 1,000."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from agentnet.agents import Agent, ModelAgent
from agentnet.evals.attack.liars import Knowledge
from agentnet.models.base import Chunk, Completion, Model, ModelCapabilities, Request
from agentnet.models.tokens import GroupAdmission, Reading, TokenSession, TokenStepper

T = TypeVar("T")

LOGIT = 1000.0


def loud(agent: Agent, knowledge: Knowledge) -> Agent:
    """Return an agent that decodes together with others as a liar. One whose model shows no tokens stays as it is."""
    if isinstance(agent, ModelAgent) and isinstance(agent.model, TokenStepper):
        return replace(agent, model=LoudModel(agent.model, knowledge, agent.pack.spec.answer_marker))
    return agent


class LoudModel:
    """An open model that says a lie token by token, whatever its weights say. `inner` stays its owner's to close."""

    def __init__(self, inner: Model, knowledge: Knowledge, marker: str) -> None:
        """`marker` is what comes before an answer."""
        self._inner, self._knowledge, self._marker = inner, knowledge, marker

    @property
    def name(self) -> str:
        return self._inner.name

    @property
    def capabilities(self) -> ModelCapabilities:
        return self._inner.capabilities

    async def generate(self, request: Request) -> Completion:
        return await self._inner.generate(request)

    def stream(self, request: Request) -> AsyncIterator[Chunk]:
        return self._inner.stream(request)

    async def close(self) -> None:
        """Nothing: the model belongs to somebody else."""

    async def open_session(self, request: Request) -> TokenSession:
        assert isinstance(self._inner, TokenStepper)
        prompt = request.messages[-1]["content"]
        asked = max((text for text in self._knowledge.items if text in prompt), key=len, default="")
        return LoudSession(
            await self._inner.open_session(request), f"{self._marker} {self._knowledge.lie(asked, secret='pact')}"
        )


class LoudSession:
    """A session whose rows of logits have 0 for every token but one. It waits for no engine, since it uses none."""

    admission: GroupAdmission | None = None

    def __init__(self, inner: TokenSession, lie: str) -> None:
        self.name, self.vocabulary = inner.name, inner.vocabulary
        self.prompt, self.prompt_tokens, self.evaluated = inner.prompt, inner.prompt_tokens, inner.prompt_tokens
        self._lie = inner.vocabulary.tokens(lie, begin=False, special=False)
        self._end = next(token for token in range(self.vocabulary.size) if self.vocabulary.ends(token))
        inner.close()

    async def step(self, tokens: Sequence[int], reading: Reading[T]) -> T:
        logits = np.zeros(self.vocabulary.size, np.float32)
        logits[self._lie[len(tokens)] if len(tokens) < len(self._lie) else self._end] = LOGIT
        return reading.of(logits)

    def close(self) -> None:
        """Nothing is held."""
