"""The token loop: from prompt tokens to a reply, with a KV cache that is kept from one reply to the next."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from agentnet.contracts.usage import Usage
from agentnet.errors import ContextOverflow, ModelError, SchemaUnsupported
from agentnet.models.base import Completion, Request
from agentnet.models.llama import backend
from agentnet.models.llama.grammar import grammar_of
from agentnet.models.llama.loading import Loaded
from agentnet.models.llama.sampling import Sampler
from agentnet.models.llama.text import TextStream
from agentnet.models.llama.vocabulary import Vocabulary


class Decoder:
    """Uses one llama.cpp context. Only one thread may call it: two at once would crash the process."""

    def __init__(self, name: str, loaded: Loaded, vocabulary: Vocabulary, *, reuse_prefix: bool) -> None:
        self._name, self._loaded, self._vocabulary, self._reuse = name, loaded, vocabulary, reuse_prefix
        self._held: list[int] = []
        """The tokens whose keys and values are in the cache."""

    def reply(
        self, prompt: Sequence[int], request: Request, emit: Callable[[str], None], cancelled: Callable[[], bool]
    ) -> Completion:
        """One reply, from start to end. `emit` gets each piece of text; `cancelled` is asked between tokens."""
        started = time.perf_counter()
        limit = min(request.sampling.max_tokens, self._room(prompt))
        grammar = grammar_of(request.schema) if request.schema is not None else None
        stream = TextStream(request.sampling.stop)
        said: list[str] = []
        logprobs: list[float] = []
        finish: Literal["stop", "length"] = "length"
        generated = 0
        with Sampler(self._vocabulary, request.sampling, grammar) as sampler:
            reused = self._read(prompt, cancelled)
            while generated < limit and not cancelled():
                token = sampler.draw(self._loaded.context)
                if token is None:
                    raise SchemaUnsupported(f"{self._name}: its vocabulary cannot spell what the schema asks for next")
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

    def forget(self) -> None:
        """Empty the cache, whatever state it is in."""
        self._held.clear()
        backend.library().llama_memory_clear(self._loaded.memory, True)

    def _room(self, prompt: Sequence[int]) -> int:
        room = self._loaded.size - len(prompt)
        if room < 1:
            raise ContextOverflow(
                f"{self._name}: the prompt has {len(prompt)} tokens, the context {self._loaded.size}; "
                f"shorten the transcript or set a larger `context`"
            )
        if not prompt:
            raise ModelError(f"{self._name}: the prompt is empty; check the chat template")
        return room

    def _read(self, prompt: Sequence[int], cancelled: Callable[[], bool]) -> int:
        """Bring the cache to hold exactly the prompt; returns how many of its tokens it held before."""
        kept = 0
        if self._reuse:
            # The last token is always evaluated again: sampling needs its logits.
            while kept < min(len(self._held), len(prompt) - 1) and self._held[kept] == prompt[kept]:
                kept += 1
        # Recurrent models cannot forget a part of what they read.
        if kept == 0 or not backend.library().llama_memory_seq_rm(self._loaded.memory, 0, kept, -1):
            self.forget()
            kept = 0
        del self._held[kept:]
        for start in range(kept, len(prompt), self._loaded.batch):
            if cancelled():
                break
            self._evaluate(prompt[start : start + self._loaded.batch])
        return kept

    def _evaluate(self, tokens: Sequence[int]) -> None:
        """Decode tokens behind what the cache holds."""
        llama = backend.library()
        array = (llama.llama_token * len(tokens))(*tokens)
        status = llama.llama_decode(self._loaded.context, llama.llama_batch_get_one(array, len(tokens)))
        if status != 0:
            self.forget()
            raise ModelError(f"{self._name}: llama.cpp could not decode (status {status}): {backend.last_error()}")
        self._held.extend(tokens)

    def _log_probability(self, token: int) -> float:
        """The natural log-probability of a token under the model's own distribution, before any sampling setting."""
        pointer: Any = backend.library().llama_get_logits_ith(self._loaded.context, -1)
        logits = np.ctypeslib.as_array(pointer, shape=(self._vocabulary.size,)).astype(np.float64)
        top = logits.max()
        return float(logits[token] - top - np.log(np.exp(logits - top).sum()))
