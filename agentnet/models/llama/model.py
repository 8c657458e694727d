"""`LlamaModel`: one GGUF file, one context, one owner thread, behind the async model interface."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.errors import ModelError
from agentnet.models.base import Abilities, Chunk, Completion, Request
from agentnet.models.llama.decoding import Decoder
from agentnet.models.llama.loading import Loaded, load
from agentnet.models.llama.template import ChatTemplate
from agentnet.models.llama.vocabulary import Vocabulary

Emit = Callable[[str], None]


class LlamaModel:
    """A GGUF file run in process by llama.cpp.

    Everything that touches the context happens on one thread of the model's own; llama.cpp releases the interpreter
    lock while it computes, so several models really run side by side. Requests are served one after the other.
    """

    def __init__(self, path: Path, spec: LlamaSpec, *, threads: int) -> None:
        """Load the file; blocks for as long as that takes. Raises `ModelFileError`."""
        self._name = path.stem
        self._loaded: Loaded = load(path, spec, threads)
        try:
            self._vocabulary = Vocabulary(self._loaded.vocab)
            self._template = ChatTemplate(
                spec.chat_template or self._loaded.header.chat_template,
                path=path,
                bos=self._vocabulary.bos,
                eos=self._vocabulary.eos,
            )
        except BaseException:
            self._loaded.close()
            raise
        self._decoder = Decoder(self._name, self._loaded, self._vocabulary, reuse_prefix=spec.reuse_prefix)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=f"llama-{path.stem}")
        self._closing = threading.Event()

    @property
    def name(self) -> str:
        return self._name

    @property
    def notes(self) -> tuple[str, ...]:
        """Where a wish of the spec could not be granted, such as a GPU that the build does not know."""
        return self._loaded.notes

    @property
    def abilities(self) -> Abilities:
        return Abilities(context=self._loaded.size, schema=True, logprobs=True)

    def count_tokens(self, request: Request) -> int:
        """How many tokens the prompt of a request has."""
        if self._closing.is_set():
            raise self._closed()
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
        """Break off the reply that is being made, refuse those that wait, and free the memory."""
        self._closing.set()
        await asyncio.to_thread(self._worker.shutdown, wait=True, cancel_futures=True)
        self._loaded.close()

    async def _run(self, request: Request, emit: Emit) -> Completion:
        cancelled = threading.Event()
        try:
            future = self._worker.submit(self._reply, request, emit, cancelled)
        except RuntimeError:  # the worker was shut down
            raise self._closed() from None
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._closing.is_set() and not (task and task.cancelling()):
                raise self._closed() from None
            raise
        finally:
            cancelled.set()

    def _reply(self, request: Request, emit: Emit, cancelled: threading.Event) -> Completion:
        """One reply, on the owner thread."""
        if cancelled.is_set() or self._closing.is_set():
            raise self._closed()
        try:
            completion = self._decoder.reply(
                self._tokens(request), request, emit, lambda: cancelled.is_set() or self._closing.is_set()
            )
        except ModelError:
            raise
        except Exception as error:
            self._decoder.forget()
            raise ModelError(f"{self._name}: the reply failed: {type(error).__name__}: {error}") from error
        if self._closing.is_set():
            raise self._closed()
        return completion

    def _tokens(self, request: Request) -> list[int]:
        text, bos = self._template.render(request.messages), self._vocabulary.bos
        begin = self._vocabulary.adds_bos and not (bos and text.startswith(bos))
        return self._vocabulary.tokens(text, begin=begin)

    def _closed(self) -> ModelError:
        return ModelError(f"{self._name}: the model is closed; open it again")
