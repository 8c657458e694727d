"""Vocabularies to spell with: those of the zoo, and real ones where they are at hand."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agentnet.fusion.pieces import Pieces
from agentnet.fusion.spelling import Speller
from agentnet.models.llama import backend
from agentnet.models.llama.vocabulary import Vocabulary
from agentnet.zoo import catalog

SHARED = Path(os.environ.get("AGENTNET_SHARED", Path(__file__).parents[3] / "shared")) / "data" / "vocab"
REAL = sorted(SHARED.glob("*.gguf")) if SHARED.is_dir() else []
ZOO = [catalog.path(name) for name in ("math", "atlas", "sage", "scout")]
"""Characters, and byte pairs of three sizes."""


@contextmanager
def vocabulary_of(path: Path) -> Iterator[Vocabulary]:
    """The vocabulary of a file, without its weights."""
    llama = backend.library()
    params = llama.llama_model_default_params()
    params.vocab_only = True
    model = llama.llama_model_load_from_file(os.fsencode(path), params)
    assert model, path
    try:
        yield Vocabulary(llama.llama_model_get_vocab(model))
    finally:
        llama.llama_model_free(model)


def speller_of(vocabulary: Vocabulary) -> tuple[Pieces, Speller]:
    spelled = [vocabulary.piece(token) for token in range(vocabulary.size)]
    pieces = Pieces(spelled, [token for token in range(vocabulary.size) if vocabulary.ends(token)])
    speller = Speller("it", pieces, spelled, lambda text: vocabulary.tokens(text, begin=False, special=False))
    return pieces, speller
