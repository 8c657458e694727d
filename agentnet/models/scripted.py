"""A deterministic model without weights, for tests of orchestration and benchmarks of its overhead only."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from agentnet.contracts.usage import Usage
from agentnet.errors import ModelError
from agentnet.models.base import Chunk, Completion, ModelCapabilities, Request, Scores


class ScriptedModel:
    """Replies with what `script` returns for a request; it may raise a `ModelError`, or be asynchronous.

    `script` may also be the replies themselves, one for each call; an error among them is raised in its turn. Tokens
    are counted as words, so that usage adds up to something.
    """

    def __init__(
        self,
        script: Callable[[Request], str | Awaitable[str]] | Sequence[str | ModelError],
        *,
        name: str = "scripted",
        capabilities: ModelCapabilities | None = None,
    ) -> None:
        self._script = script
        self.name = name
        self.capabilities = capabilities or ModelCapabilities(context=None, schema=True, logprobs=True, grammar=True)
        self.requests: list[Request] = []

    async def generate(self, request: Request) -> Completion:
        self.requests.append(request)
        text = await self._reply(request)
        words = len(text.split())
        usage = Usage(calls=1, prompt_tokens=_prompt_words(request), completion_tokens=words)
        return Completion(text, "stop", usage, (-0.1,) * words if request.logprobs else None)

    async def _reply(self, request: Request) -> str:
        if callable(self._script):
            reply = self._script(request)
            return reply if isinstance(reply, str) else await reply
        if len(self.requests) > len(self._script):
            raise ModelError(f"{self.name}: the script has {len(self._script)} replies and was asked for one more")
        turn = self._script[len(self.requests) - 1]
        if isinstance(turn, ModelError):
            raise turn
        return turn

    async def stream(self, request: Request) -> AsyncIterator[Chunk]:
        completion = await self.generate(request)
        for line in completion.text.splitlines(keepends=True):
            yield Chunk(line)
        yield Chunk("", completion)

    async def close(self) -> None:
        """Nothing to release."""


class ScriptedScorer(ScriptedModel):
    """A scripted model that can also score: `scores` returns the log-probability of a continuation of a request."""

    def __init__(
        self,
        script: Callable[[Request], str | Awaitable[str]] | Sequence[str | ModelError],
        scores: Callable[[Request, str], float],
        *,
        name: str = "scripted",
        capabilities: ModelCapabilities | None = None,
    ) -> None:
        super().__init__(script, name=name, capabilities=capabilities)
        self._scores = scores
        self.scored: list[tuple[Request, tuple[str, ...]]] = []

    async def score(self, request: Request, continuations: Sequence[str]) -> Scores:
        if not all(continuations) or not continuations:
            raise ValueError("nothing to score: there is no continuation, or an empty one")
        self.scored.append((request, tuple(continuations)))
        words = [len(continuation.split()) for continuation in continuations]
        logprobs = tuple(
            (*(0.0,) * (count - 1), self._scores(request, continuation))
            for count, continuation in zip(words, continuations, strict=True)
        )
        usage = Usage(calls=1, prompt_tokens=_prompt_words(request), completion_tokens=sum(words))
        return Scores(logprobs, usage)

    async def score_choices(self, request: Request, replies: Sequence[str]) -> Scores:
        scores = await self.score(request, replies)
        top = max(scores.totals)
        normaliser = top + math.log(math.fsum(math.exp(total - top) for total in scores.totals))
        return Scores(tuple((total - normaliser,) for total in scores.totals), scores.usage)


def _prompt_words(request: Request) -> int:
    return sum(len(message["content"].split()) for message in request.messages)
