"""Vocabularies of models on nodes: files from strangers, checked, tried out, and loaded once for all who use them.

A vocabulary goes by the SHA-256 of its content, never by what a node says of it: no node can put another vocabulary in
the place of an honest one.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from pathlib import Path
from typing import Any

from agentnet.errors import BadResponse, ModelFileError
from agentnet.models.gguf.vocabulary import check_vocabulary
from agentnet.models.llama import backend
from agentnet.models.llama.trial import try_vocabulary
from agentnet.models.llama.vocabulary import Vocabulary


class NodeVocabulary(Vocabulary):
    """A vocabulary without a model. llama.cpp holds it until the last of its users has released it."""

    def __init__(self, model: Any, digest: str) -> None:
        """`model` is llama.cpp's pointer to a model of which only the vocabulary was loaded."""
        super().__init__(backend.library().llama_model_get_vocab(model))
        self.digest = digest
        self.users = 0
        self._model = model

    def free(self) -> None:
        """Give back the memory, and what was derived from the vocabulary. It must not be used any more."""
        self.derived.clear()
        backend.library().llama_model_free(self._model)


class OpenVocabularies:
    """The vocabularies that are in memory, by the SHA-256 of their files. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, NodeVocabulary] = {}

    def __len__(self) -> int:
        return len(self._open)

    def take(self, digest: str) -> NodeVocabulary | None:
        """Return a vocabulary that is in memory, and count a user; None where it is not."""
        with self._lock:
            vocabulary = self._open.get(digest)
            if vocabulary is not None:
                vocabulary.users += 1
            return vocabulary

    def share(self, vocabulary: NodeVocabulary) -> None:
        """Count a further user of a vocabulary that is in use."""
        with self._lock:
            vocabulary.users += 1

    def load(self, content: bytes, digest: str, where: str) -> NodeVocabulary:
        """Load a file that a node sent, and count a user. Blocks while it is tried out in a process of its own.

        `digest` is the SHA-256 that the node announced, and `where` names the node in errors. Raises `BadResponse` if
        the content is another one or no vocabulary.
        """
        found = hashlib.sha256(content).hexdigest()
        if found != digest:
            raise BadResponse(f"{where} sent another vocabulary than it announced; leave its members out of fusions")
        return self.take(found) or self._added(_loaded(content, found, where))

    def release(self, vocabulary: NodeVocabulary) -> None:
        """Count a user less. The last one frees the vocabulary."""
        with self._lock:
            vocabulary.users -= 1
            if not vocabulary.users:
                del self._open[vocabulary.digest]
                vocabulary.free()

    def _added(self, fresh: NodeVocabulary) -> NodeVocabulary:
        with self._lock:
            vocabulary = self._open.setdefault(fresh.digest, fresh)
            vocabulary.users += 1
        if vocabulary is not fresh:  # another thread was faster
            fresh.free()
        return vocabulary


VOCABULARIES = OpenVocabularies()
"""Those of this process."""


def _loaded(content: bytes, digest: str, where: str) -> NodeVocabulary:
    with tempfile.TemporaryDirectory(prefix="agentnet-") as folder:
        path = Path(folder) / "vocabulary.gguf"
        path.write_bytes(content)
        try:
            check_vocabulary(path)
            try_vocabulary(path, digest)
        except ModelFileError as error:
            why = str(error).removeprefix(f"{path}: ").removesuffix("; fetch or convert it again")
            raise BadResponse(f"{where} sent a vocabulary that is of no use: {why}") from error
        llama = backend.library()
        params = llama.llama_model_default_params()
        params.vocab_only = True
        backend.forget()
        model = llama.llama_model_load_from_file(os.fsencode(path), params)
    if not model:
        raise BadResponse(f"{where} sent a vocabulary that llama.cpp cannot load: {backend.reason()}")
    return NodeVocabulary(model, digest)
