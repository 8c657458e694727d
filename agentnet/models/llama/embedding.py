"""`LlamaEmbedder`: a GGUF embedding model, which turns texts into vectors."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.errors import ModelError, ModelFileError
from agentnet.models.backends import find_file
from agentnet.models.gguf import read_header
from agentnet.models.llama import backend
from agentnet.models.llama.batch import Batch
from agentnet.models.llama.offload import NOTHING
from agentnet.models.llama.trial import try_out
from agentnet.models.llama.vocabulary import Vocabulary
from agentnet.models.llama.weights import load_weights

Vectors: TypeAlias = NDArray[np.float32]
"""Texts × width of the model, each row of Euclidean length 1."""

MOST_TOKENS = 512
"""Tokens of a text that are read."""


class LlamaEmbedder:
    """An open embedding model, on one thread of the CPU. Safe to use from any thread; texts are evaluated in turn.

    The vector of a text is what the file's own pooling makes of its tokens, or their mean where the file names none.
    """

    def __init__(self, reference: str, *, base: Path) -> None:
        """Open a model: a file, relative to `base`, ``hf://owner/repo/file.gguf``, or ``zoo:NAME``. Blocks.

        Raises `ModelFileError` for a file that is broken or that gives no vectors, `ModelUnavailable`.
        """
        self.name = reference
        spec = LlamaSpec(path=reference, gpu_layers="none")
        path = find_file(spec, base)
        header = read_header(path)
        try_out(path, header)
        self._llama = llama = backend.library()
        self._lock = threading.Lock()
        backend.forget()
        self._model = load_weights(path, spec, NOTHING)
        if not self._model:
            raise ModelFileError(f"{path}: llama.cpp cannot load it: {backend.reason()}")
        vocabulary = llama.llama_model_get_vocab(self._model)
        if llama.llama_vocab_type(vocabulary) == llama.LLAMA_VOCAB_TYPE_NONE:
            self._free()
            raise ModelFileError(f"{path}: has no vocabulary; use a complete model file")
        self._vocabulary = Vocabulary(vocabulary)
        self._context: Any = None
        self._most = min(header.context or MOST_TOKENS, MOST_TOKENS)
        self.width = int(llama.llama_model_n_embd(self._model))
        self._context = self._new_context(path)
        self._batch = Batch(self._most, 1)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of some texts. Raises `ModelError` where llama.cpp cannot evaluate one."""
        with self._lock:
            return np.array([self._embed(text) for text in texts], np.float32).reshape(len(texts), self.width)

    def close(self) -> None:
        """Free the model. Closing twice is harmless."""
        with self._lock:
            if self._context is not None:
                self._llama.llama_free(self._context)
                self._context = None
            self._free()

    def _new_context(self, path: Path) -> Any:
        """Return a context that gives one vector for a text. Raises `ModelFileError`."""
        llama = self._llama
        params = llama.llama_context_default_params()
        params.n_ctx = params.n_batch = params.n_ubatch = self._most  # an encoder takes a text in one step
        params.n_seq_max = 1
        params.n_threads = params.n_threads_batch = 1
        params.embeddings = True
        params.pooling_type = llama.LLAMA_POOLING_TYPE_UNSPECIFIED  # the file's own
        context = llama.llama_init_from_model(self._model, params)
        if context and llama.llama_pooling_type(context) == llama.LLAMA_POOLING_TYPE_NONE:
            llama.llama_free(context)
            params.pooling_type = llama.LLAMA_POOLING_TYPE_MEAN
            context = llama.llama_init_from_model(self._model, params)
        usable = context and llama.llama_pooling_type(context) != llama.LLAMA_POOLING_TYPE_RANK
        if not usable:
            why = "it ranks pairs of texts" if context else backend.reason()
            if context:
                llama.llama_free(context)
            self._free()
            raise ModelFileError(f"{path}: gives no vectors of texts ({why}); use an embedding model")
        return context

    def _embed(self, text: str) -> Vectors:
        """Return the vector of one text."""
        llama = self._llama
        tokens = self._vocabulary.tokens(text, begin=True, special=False)[: self._most] or [0]
        if (memory := llama.llama_get_memory(self._context)) is not None:  # an encoder has none
            llama.llama_memory_clear(memory, True)
        self._batch.clear()
        self._batch.add(0, 0, tokens, wanted=len(tokens))
        backend.forget()
        status = llama.llama_decode(self._context, self._batch.pointer())
        values = llama.llama_get_embeddings_seq(self._context, 0) if status == 0 else None
        if not values:
            raise ModelError(f"{self.name}: llama.cpp could not embed a text (status {status}): {backend.reason()}")
        vector = np.array(np.ctypeslib.as_array(values, (self.width,)), np.float32)
        length = float(np.linalg.norm(vector))
        if not 0 < length < np.inf:
            raise ModelError(f"{self.name}: the vector of a text is not of numbers, or 0")
        return vector / np.float32(length)

    def _free(self) -> None:
        if self._model is not None:
            self._llama.llama_model_free(self._model)
            self._model = None
