"""`LlamaModel`: a GGUF file run in process, behind the async model interface."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.errors import ContextOverflow, ModelError
from agentnet.models.base import Chunk, Completion, ModelCapabilities, Request, Scores
from agentnet.models.llama.engine import Engine
from agentnet.models.llama.generation import Emit, Generation
from agentnet.models.llama.grammar import grammars_of
from agentnet.models.llama.machine import Machine, this_machine
from agentnet.models.llama.prompt import PromptTokenizer
from agentnet.models.llama.scoring import Scoring
from agentnet.models.llama.stats import EngineStats
from agentnet.models.llama.stepping import LlamaSession, TracingLlamaSession
from agentnet.models.llama.template import ChatTemplate
from agentnet.models.tokens import TokenSession


class LlamaModel:
    """A GGUF file run in process by llama.cpp: chat template and tokens here, decoding in its `Engine`."""

    def __init__(self, path: Path, spec: LlamaSpec, machine: Machine | None = None) -> None:
        """Load the file into a machine's memory, by default that of this process. Blocks until it is loaded.

        Raises `ModelFileError`.
        """
        self._engine = Engine(path, spec, machine or this_machine())
        self._vocabulary = self._engine.vocabulary
        try:
            template = ChatTemplate(
                spec.chat_template or self._engine.loaded.header.chat_template,
                path=path,
                bos=self._vocabulary.bos,
                eos=self._vocabulary.eos,
            )
            self._prompts = PromptTokenizer(template, self._vocabulary)
        except BaseException:
            self._engine.stop()
            raise

    @property
    def name(self) -> str:
        return self._engine.name

    @property
    def notes(self) -> tuple[str, ...]:
        """Wishes of the spec that could not be granted, such as a GPU that the build does not support."""
        return self._engine.loaded.notes

    @property
    def capabilities(self) -> ModelCapabilities:
        return ModelCapabilities(context=self._engine.loaded.size, schema=True, logprobs=True, grammar=True)

    @property
    def stats(self) -> EngineStats:
        """What the engine has done so far."""
        return self._engine.stats

    @property
    def slots(self) -> int:
        """How many requests are decoded together."""
        return self._engine.slots

    @property
    def free_cells(self) -> int:
        """Tokens of the KV cache that no request needs at the moment."""
        return self._engine.free_cells

    def count_tokens(self, request: Request) -> int:
        """Return how many tokens the prompt of a request has, with those of the chat template."""
        with self._engine.open():
            return len(self._prompt(request))

    def tokens(self, text: str) -> list[int]:
        """Return the tokens of a text as it stands: without chat template, and no control tokens."""
        with self._engine.open():
            return self._vocabulary.tokens(text, begin=False, special=False)

    async def generate(self, request: Request) -> Completion:
        return await self._write(request, None)

    async def stream(self, request: Request) -> AsyncIterator[Chunk]:
        texts: asyncio.Queue[str | None] = asyncio.Queue()
        work = asyncio.create_task(self._write(request, texts.put_nowait))
        work.add_done_callback(lambda _: texts.put_nowait(None))
        try:
            while (text := await texts.get()) is not None:
                yield Chunk(text)
            yield Chunk("", await work)
        finally:
            work.cancel()
            # A caller that leaves early may close the model next: nothing of the reply may be under way then.
            await asyncio.gather(work, return_exceptions=True)

    async def score(self, request: Request, continuations: Sequence[str]) -> Scores:
        return await self._score(request, continuations, among=False)

    async def score_choices(self, request: Request, replies: Sequence[str]) -> Scores:
        if any(reply != longer and longer.startswith(reply) for reply in replies for longer in replies):
            raise ValueError("no reply may be the beginning of another")
        return await self._score(request, replies, among=True)

    async def open_session(self, request: Request) -> TokenSession:
        """Return a session that starts behind the prompt of a request. Raises `ModelError`."""
        with self._engine.open():
            prompt = self._prompt(request)
        self._room(prompt, 1)
        # Only sequences that can be forked and cut: a recurrent model would read its prompt again after each trace.
        session = TracingLlamaSession if self._engine.loaded.forks else LlamaSession
        return session(self._engine, prompt, size=self._engine.loaded.size, priority=request.priority)

    async def close(self) -> None:
        """End all requests with an error, refuse further ones, and free the memory."""
        await self._engine.close()

    async def _write(self, request: Request, emit: Emit | None) -> Completion:
        with self._engine.open():
            prompt = self._prompt(request)
            limit = min(request.sampling.max_tokens, self._room(prompt, 1))
        constraint = await grammars_of(self._vocabulary).constraint(request, self._engine.open)
        with self._engine.open():
            job = Generation(prompt, request, self._vocabulary, limit, emit, constraint)
        reply: Completion = await self._engine.run(job)
        return reply

    async def _score(self, request: Request, continuations: Sequence[str], *, among: bool) -> Scores:
        if not continuations or not all(continuations):
            raise ValueError("there must be at least one continuation, and none may be empty")
        engine = self._engine
        with engine.open():
            prompt = self._prompt(request)
            replies = [self._vocabulary.tokens(text, begin=False, special=False) for text in continuations]
        self._room(prompt, max(map(len, replies)))
        job = Scoring(prompt, replies, among=among, priority=request.priority, longest_stem=engine.longest_stem)
        scores: Scores = await engine.run(job)
        return scores

    def _room(self, prompt: Sequence[int], needed: int) -> int:
        """Return how many tokens the context leaves to a reply. Raises `ContextOverflow` if fewer than `needed`."""
        size = self._engine.loaded.size
        room = size - len(prompt)
        if room < needed:
            raise ContextOverflow(
                f"{self.name}: the prompt has {len(prompt)} tokens, the context {size}; "
                f"shorten the transcript or set a larger `context`"
            )
        return room

    def _prompt(self, request: Request) -> list[int]:
        """Return the tokens of a request's prompt."""
        tokens = self._prompts.tokens(request.messages)
        if not tokens:
            raise ModelError(f"{self.name}: the prompt is empty; check the chat template")
        return tokens
