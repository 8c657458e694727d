"""Models with real vocabularies that say a known text, for the tests of any room.

Where a vocabulary is not at hand, the test that asks for it is skipped and says what to do.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.models.llama import LlamaModel
from benchmarks.generated import Chain, MissingVocabulary, model_file
from benchmarks.generated.vocabularies import SHA256, vocabulary_file

NAMES = tuple(SHA256)
"""qwen2 (151,936 tokens), llama-bpe (128,256), deepseek-llm, gpt-2, phi-3 and llama-spm (both SentencePiece)."""
LINE = "Tell me.\n"
"""A prompt behind which a chain begins: it ends in a line break."""


def tiny(vocabulary: str, chain: Chain | None = None, *, shape: str = "tiny", **settings: Any) -> LlamaModel:
    """Return an open model with a real vocabulary, by default one of 4 layers × 256 that says a text and ends.

    Its file is kept in ``.bench``. Close the model. Skips the test where the vocabulary is missing.
    """
    vocabulary_or_skip(vocabulary)
    path = model_file(f"{shape}@{vocabulary}", chain or Chain(ends=True))
    spec = LlamaSpec(**{"path": str(path), "threads": 1, "sequences": 1, "context": 512, **settings})
    return LlamaModel(path, spec)


def vocabulary_or_skip(name: str) -> Path:
    """Return the file of a vocabulary; skip the test where it is missing."""
    try:
        return vocabulary_file(name)
    except MissingVocabulary as missing:
        pytest.skip(str(missing))
