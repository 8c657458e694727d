"""`LlamaModel`: one GGUF file, one context, one owner thread, behind the async model interface."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import numpy as np

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.usage import Usage
from agentnet.errors import ContextOverflow, ModelError
from agentnet.models.base import Abilities, Chunk, Completion, Request
from agentnet.models.gguf import read_header
from agentnet.models.llama import backend
from agentnet.models.llama.loading import Loaded, load
from agentnet.models.llama.sampling import grammar_of, sampler
from agentnet.models.llama.template import ChatTemplate
from agentnet.models.llama.text import TextStream
from agentnet.models.llama.vocabulary import Vocabulary

Emit = Callable[[str], None]


class LlamaModel:
    """A GGUF file run in process by llama.cpp.

    Everything that touches the context happens on one thread of the model's own; llama.cpp releases the interpreter
    lock while it computes, so several models really run side by side. Requests are served one after the other.
    """

    def __init__(self, path: Path, spec: LlamaSpec, *, threads: int) -> None:
        """Load the file; blocks for as long as that takes. Raises `ModelFileError`."""
        self._path, self._spec = path, spec
        self._loaded: Loaded = load(path, spec, threads)
        self._vocabulary = Vocabulary(self._loaded.vocab)
        self._template = ChatTemplate(
            spec.chat_template or read_header(path).chat_template,
            path=path,
            bos=self._vocabulary.bos,
            eos=self._vocabulary.eos,
        )
        self._held: list[int] = []
        """The tokens whose keys and values are in the cache."""
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=f"llama-{path.stem}")

    @property
    def name(self) -> str:
        return self._path.stem

    @property
    def notes(self) -> tuple[str, ...]:
        """Where a wish of the spec could not be granted, such as a GPU that the build does not know."""
        return self._loaded.notes

    @property
    def abilities(self) -> Abilities:
        return Abilities(context=self._loaded.size, schema=True, logprobs=True)

    def count_tokens(self, request: Request) -> int:
        """How many tokens the prompt of a request has."""
        return len(self._tokens(request))

    async def generate(self, request: Request) -> Completion:
        return await self._run(request, lambda _: None)

    async def stream(self, request: Request) -> AsyncIterator[Chunk]:
        loop = asyncio.get_running_loop()
        texts: asyncio.Queue[str | None] = asyncio.Queue()

        def emit(text: str) -> None:
            loop.call_soon_threadsafe(texts.put_nowait, text)

        work = asyncio.create_task(self._run(request, emit))
        work.add_done_callback(lambda _: texts.put_nowait(None))
        try:
            while (text := await texts.get()) is not None:
                yield Chunk(text)
            yield Chunk("", await work)
        finally:
            work.cancel()

    async def close(self) -> None:
        await asyncio.to_thread(self._worker.shutdown, wait=True, cancel_futures=True)
        self._loaded.close()

    async def _run(self, request: Request, emit: Emit) -> Completion:
        cancelled = threading.Event()
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._worker, self._reply, request, emit, cancelled.is_set
            )
        except RuntimeError as error:
            raise ModelError(f"{self.name} is closed") from error
        finally:
            cancelled.set()

    def _tokens(self, request: Request) -> list[int]:
        text = self._template.render(request.messages)
        begin = self._vocabulary.adds_bos and not text.startswith(self._vocabulary.bos)
        return self._vocabulary.tokens(text, begin=begin)

    def _reply(self, request: Request, emit: Emit, cancelled: Callable[[], bool]) -> Completion:
        """One reply, from start to end, on the owner thread."""
        started = time.perf_counter()
        prompt = self._tokens(request)
        room = self._loaded.size - len(prompt)
        if room < 1 or not prompt:
            raise ContextOverflow(
                f"{self.name}: the prompt has {len(prompt)} tokens, the context {self._loaded.size}; "
                f"shorten the transcript or set a larger `context`"
            )
        grammar = grammar_of(request.schema) if request.schema is not None else None
        limit = min(request.sampling.max_tokens, room)
        stream = TextStream(request.sampling.stop)
        said: list[str] = []
        logprobs: list[float] = []
        finish: Literal["stop", "length"] = "length"
        generated = 0
        with sampler(self._loaded.vocab, request.sampling, grammar) as chain:
            reused = self._begin(prompt)
            while generated < limit and not cancelled():
                token = backend.library().llama_sampler_sample(chain, self._loaded.context, -1)
                generated += 1
                if request.logprobs:
                    logprobs.append(self._log_probability(token))
                ended = self._vocabulary.ends(token)
                text = stream.feed(b"" if ended else self._vocabulary.piece(token), final=ended)
                if text:
                    said.append(text)
                    emit(text)
                if ended or stream.stopped:
                    finish = "stop"
                    break
                if generated < limit:
                    self._evaluate([token])
        if rest := stream.feed(b"", final=True):
            said.append(rest)
            emit(rest)
        usage = Usage(
            calls=1,
            prompt_tokens=len(prompt),
            completion_tokens=generated,
            reused_tokens=reused,
            seconds=time.perf_counter() - started,
        )
        return Completion("".join(said), finish, usage, tuple(logprobs) if request.logprobs else None)

    def _begin(self, prompt: list[int]) -> int:
        """Bring the cache to hold exactly the prompt; returns how many of its tokens it held before."""
        llama = backend.library()
        kept = 0
        if self._spec.reuse_prefix:
            # The last token is always evaluated again: sampling needs its logits.
            while kept < min(len(self._held), len(prompt) - 1) and self._held[kept] == prompt[kept]:
                kept += 1
        # Recurrent models cannot forget a part of what they read.
        if kept == 0 or not llama.llama_memory_seq_rm(self._loaded.memory, 0, kept, -1):
            llama.llama_memory_clear(self._loaded.memory, True)
            kept = 0
        del self._held[kept:]
        for start in range(kept, len(prompt), self._spec.batch):
            self._evaluate(prompt[start : start + self._spec.batch])
        return kept

    def _evaluate(self, tokens: list[int]) -> None:
        """Decode tokens behind what the cache holds. At most `batch` at once: more would abort the process."""
        llama = backend.library()
        array = (llama.llama_token * len(tokens))(*tokens)
        status = llama.llama_decode(self._loaded.context, llama.llama_batch_get_one(array, len(tokens)))
        if status != 0:
            self._held.clear()
            llama.llama_memory_clear(self._loaded.memory, True)
            raise ModelError(f"{self.name}: llama.cpp could not decode (status {status}): {backend.last_error()}")
        self._held.extend(tokens)

    def _log_probability(self, token: int) -> float:
        """The natural log-probability of a token under the model's own distribution, before any sampling setting."""
        pointer: Any = backend.library().llama_get_logits_ith(self._loaded.context, -1)
        logits = np.ctypeslib.as_array(pointer, shape=(self._loaded.vocabulary,)).astype(np.float64)
        top = logits.max()
        return float(logits[token] - top - np.log(np.exp(logits - top).sum()))
