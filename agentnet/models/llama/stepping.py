"""Sessions of an engine: sequences whose next token is chosen outside of the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from agentnet.contracts.usage import Usage
from agentnet.errors import ContextOverflow
from agentnet.models.llama.admission import Admission
from agentnet.models.llama.context import Context
from agentnet.models.llama.dispatcher import ResultDispatcher
from agentnet.models.llama.engine import Engine
from agentnet.models.llama.job import Job
from agentnet.models.llama.tracing import Trace
from agentnet.models.llama.vocabulary import Vocabulary
from agentnet.models.tokens import Argmax, LogitsRow, Reading, WithOwn

T = TypeVar("T")


class Step(Job):
    """Evaluates those tokens of a sequence that are new, and reads the logits behind the last one.

    The session keeps the sequence between two steps; it is taken away only where the cache lacks room.
    """

    def __init__(self, tokens: Sequence[int], reading: Reading[Any], *, session: object, priority: int) -> None:
        super().__init__(tokens, wanted_from=len(tokens) - 1, priority=priority)
        self.session = session
        self._reading = reading
        self._read: Any = None

    def take(self, context: Context, logits: Any, last: int, dispatcher: ResultDispatcher) -> bool:
        row: LogitsRow = logits[-1]  # llama.cpp's own memory: the reading takes its copy
        self._read = self._reading.of(row)
        return True

    def result(self) -> tuple[Any, Usage]:
        return self._read, self.usage(0)


class RunAhead(Job):
    """Steps that the model itself continues: each evaluates the likeliest token behind the one before."""

    def __init__(
        self,
        tokens: Sequence[int],
        reading: Reading[Any],
        own: Argmax,
        *,
        longest: int,
        ends: Callable[[int], bool],
        session: object,
        priority: int,
    ) -> None:
        """`longest` is how many tokens the sequence may have; `ends` says which tokens are not evaluated."""
        super().__init__(tokens, wanted_from=len(tokens) - 1, priority=priority)
        self.session = session
        self._reading, self._own, self._longest, self._ends = reading, own, longest, ends
        self._read: list[tuple[Any, int]] = []

    def take(self, context: Context, logits: Any, last: int, dispatcher: ResultDispatcher) -> bool:
        row: LogitsRow = logits[-1]
        own = self._own.of(row)
        self._read.append((self._reading.of(row), own))
        if self._ends(own) or len(self.tokens) >= self._longest:
            return True
        self.tokens.append(own)
        self.wanted_from = len(self.tokens) - 1
        return False

    def result(self) -> tuple[list[tuple[Any, int]], Usage]:
        return self._read, self.usage(0).model_copy(update={"prompt_tokens": len(self.tokens)})


class LlamaSession:
    """A `TokenSession` of an engine in this process. Safe to use from one event loop at a time."""

    def __init__(self, engine: Engine, prompt: Sequence[int], *, size: int, priority: int = 0) -> None:
        """`size` is how many tokens the context holds."""
        self.engine, self.priority = engine, priority
        self.key = object()
        """The engine's name for the session."""
        self.prompt = tuple(prompt)
        self.prompt_tokens = len(self.prompt)
        self.evaluated = 0
        self._size = size

    @property
    def name(self) -> str:
        return self.engine.name

    @property
    def vocabulary(self) -> Vocabulary:
        return self.engine.vocabulary

    @property
    def admission(self) -> Admission:
        return self.engine.machine.admission

    async def step(self, tokens: Sequence[int], reading: Reading[T]) -> T:
        whole = [*self.prompt, *tokens]
        if len(whole) > self._size:
            raise ContextOverflow(f"{self.name}: {len(whole)} tokens do not fit into the context of {self._size}")
        result: T = await self._run(Step(whole, reading, session=self.key, priority=self.priority))
        return result

    def close(self) -> None:
        self.engine.end_session(self.key)

    async def _run(self, job: Step | RunAhead | Trace) -> Any:
        read, usage = await self.engine.run(job)
        self.evaluated += usage.prompt_tokens - usage.reused_tokens
        return read


class TracingLlamaSession(LlamaSession):
    """A `TracingSession` of an engine whose sequences can be forked and cut."""

    async def run_ahead(
        self, tokens: Sequence[int], reading: Reading[T], own: Argmax, count: int
    ) -> list[tuple[T, int]]:
        whole = [*self.prompt, *tokens]
        longest = min(len(whole) + count, self._size)
        if longest > len(whole):
            with suppress(ContextOverflow):  # the cache lacks the cells for so many
                job = RunAhead(
                    whole,
                    reading,
                    own,
                    longest=longest,
                    ends=self.vocabulary.ends,
                    session=self.key,
                    priority=self.priority,
                )
                read: list[tuple[T, int]] = await self._run(job)
                return read
        return [await self.step(tokens, WithOwn(reading, own))]

    async def trace(self, sequences: Sequence[Sequence[int]], reading: Reading[T]) -> list[T | None]:
        room = self._size - len(self.prompt)
        kept = [number for number, sequence in enumerate(sequences) if not number or len(sequence) <= room]
        readings: list[T | None] = [None] * len(sequences)
        while len(kept) > 1:
            job = Trace(
                self.prompt,
                [sequences[number] for number in kept],
                reading,
                pooled=not self.engine.loaded.row,
                session=self.key,
                priority=self.priority,
            )
            if job.rows <= self.engine.longest_stem:
                try:
                    for number, read in zip(kept, await self._run(job), strict=True):
                        readings[number] = read
                    return readings
                except ContextOverflow:  # the cache lacks the cells for more than the first
                    break
            kept.pop()
        first = await self.step(sequences[0], reading)
        readings[0] = first
        return readings
