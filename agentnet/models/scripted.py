"""A deterministic model without weights, for unit tests of orchestration and for benchmarks of its overhead. Only."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

from agentnet.contracts.usage import Usage
from agentnet.models.base import Abilities, Chunk, Completion, Request


class ScriptedModel:
    """Replies with what `script` returns for a request. `script` may raise a `ModelError`, or be asynchronous.

    Tokens are counted as words, so that usage adds up to something.
    """

    def __init__(
        self,
        script: Callable[[Request], str | Awaitable[str]],
        *,
        name: str = "scripted",
        abilities: Abilities | None = None,
    ) -> None:
        self._script = script
        self.name = name
        self.abilities = abilities or Abilities(context=None, schema=True, logprobs=True)
        self.requests: list[Request] = []

    async def generate(self, request: Request) -> Completion:
        self.requests.append(request)
        reply = self._script(request)
        text = reply if isinstance(reply, str) else await reply
        words = len(text.split())
        prompt = sum(len(message["content"].split()) for message in request.messages)
        usage = Usage(calls=1, prompt_tokens=prompt, completion_tokens=words)
        return Completion(text, "stop", usage, (-0.1,) * words if request.logprobs else None)

    async def stream(self, request: Request) -> AsyncIterator[Chunk]:
        completion = await self.generate(request)
        for word in completion.text.splitlines(keepends=True):
            yield Chunk(word)
        yield Chunk("", completion)

    async def close(self) -> None:
        """Nothing to release."""
