"""Token by token under somebody else's control: a sequence whose next token is chosen outside of the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from agentnet.contracts.usage import Usage
from agentnet.errors import ContextOverflow
from agentnet.models.llama.context import Context
from agentnet.models.llama.dispatcher import ResultDispatcher
from agentnet.models.llama.engine import Engine
from agentnet.models.llama.job import Job
from agentnet.models.llama.vocabulary import Vocabulary

T = TypeVar("T")
Reader = Callable[[Any], T]
"""Gets the next-token logits, a float32 array of shape (vocabulary,), on the engine's thread. They are llama.cpp's own
memory, valid for the length of the call: a reader takes out what it needs."""


class Step(Job):
    """Evaluates what of a sequence's tokens is new, and reads the logits behind the last one.

    Its sequence stays with the session: between two steps it rests, and only a shortage takes it away.
    """

    def __init__(self, tokens: Sequence[int], reader: Reader[Any], *, session: object, priority: int) -> None:
        super().__init__(tokens, wanted_from=len(tokens) - 1, priority=priority)
        self.session = session
        self._reader = reader
        self._read: Any = None

    def take(self, context: Context, logits: Any, last: int, dispatcher: ResultDispatcher) -> bool:
        self._read = self._reader(logits[-1])
        return True

    def result(self) -> tuple[Any, Usage]:
        return self._read, self.usage(0)


class TokenSession:
    """A sequence of tokens that its owner extends and cuts. One step at a time; close it when done.

    Between two steps anybody may take what it holds, unless it has a place: see `places` in `admission.py`.
    """

    def __init__(self, engine: Engine, prompt: Sequence[int], *, size: int, priority: int = 0) -> None:
        self.engine, self.priority = engine, priority
        self.key = object()
        """By what the engine knows the session."""
        self.prompt = tuple(prompt)
        """What stands before the tokens. Its owner may put more there."""
        self.prompt_tokens = len(self.prompt)
        """Tokens of the prompt as it was given."""
        self.size = size
        """Tokens that the context holds."""
        self.evaluated = 0
        """Tokens that went through the model so far."""
        self.asked = 0
        """Steps so far."""

    @property
    def vocabulary(self) -> Vocabulary:
        return self.engine.vocabulary

    async def step(self, tokens: Sequence[int], reader: Reader[T]) -> T:
        """Bring the sequence to the prompt and `tokens`, and read the logits of what comes next.

        Only what differs from the sequence as it is gets evaluated. Raises `ModelError`, and `ContextOverflow` where
        the context has no room for so many.
        """
        whole = [*self.prompt, *tokens]
        if len(whole) > self.size:
            raise ContextOverflow(f"{self.engine.name}: {len(whole)} tokens do not fit into the context of {self.size}")
        job = Step(whole, reader, session=self.key, priority=self.priority)
        found, usage = await self.engine.run(job)
        self.evaluated += usage.prompt_tokens - usage.reused_tokens
        self.asked += 1
        result: T = found
        return result

    def close(self) -> None:
        """Give the sequence back. Closing twice is harmless."""
        self.engine.end_session(self.key)
