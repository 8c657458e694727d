"""The vocabulary of a GGUF file as a small file of its own, for a process that reads the model's logits elsewhere.

It has the entries from which llama.cpp builds its tokenizer, and neither weights nor chat template.
"""

from __future__ import annotations

import struct
from pathlib import Path

from agentnet.errors import ModelFileError
from agentnet.models.gguf.header import opened
from agentnet.models.gguf.reader import MAGIC, TOKENS, Array, Reader, garbage, shown
from agentnet.models.gguf.validity import ARCHITECTURE, BYTE_FALLBACK, BYTE_LEVEL, fault

MODEL = "tokenizer.ggml.model"
TOKENIZERS = (*BYTE_FALLBACK, *BYTE_LEVEL)
"""The kinds of tokenizer that are sent and received: those of nearly all chat models."""
MOST_BYTES = 64 * 2**20
"""Of a vocabulary's file. One of 262,144 tokens has 15 MiB."""
MOST_TOKENS = 2**20
LONGEST_TOKEN = 2**12
"""Bytes of one token. Some vocabularies have runs of a few hundred spaces."""

_SPECIAL = (
    *("bos", "eos", "eot", "eom", "unknown", "seperator", "padding", "cls", "mask"),
    *("fim_pre", "fim_suf", "fim_mid", "fim_pad", "fim_rep", "fim_sep", "prefix", "suffix", "middle"),
)
_FLAGS = ("add_bos_token", "add_eos_token", "add_sep_token", "add_space_prefix", "remove_extra_whitespaces")
_KEPT = frozenset({
    ARCHITECTURE,
    *(f"tokenizer.ggml.{name}" for name in ("model", "pre", "tokens", "scores", "token_type", "merges", *_FLAGS)),
    *(f"tokenizer.ggml.{name}_token_id" for name in _SPECIAL),
})  # fmt: skip


def vocabulary_of(path: Path) -> bytes:
    """Return the vocabulary of a model as the content of a GGUF file; of a split model, `path` is the first file.

    Raises `ModelFileError` if the file cannot be read, or has a tokenizer of another kind than `TOKENIZERS`.
    """
    with opened(path) as file:
        reader = Reader(path, file)
        part = reader.part()
        if (kind := part.metadata.get(MODEL)) not in TOKENIZERS:
            raise ModelFileError(f"{path}: its tokenizer {shown(kind)} is of no kind that is sent")
        entries = []
        for key, (start, end) in reader.entries.items():
            if key in _KEPT:
                file.seek(start)
                entries.append(file.read(end - start))
    return MAGIC + struct.pack("<IQQ", part.version, 0, len(entries)) + b"".join(entries)


def check_vocabulary(path: Path) -> None:
    """Check the file of a vocabulary that comes from a node. Raises `ModelFileError` if it is not one."""
    with opened(path) as file:
        part = Reader(path, file).part()
    if part.tensors:
        raise garbage(path, "a vocabulary has no weights")
    if extra := part.metadata.keys() - _KEPT:
        raise garbage(path, f"a vocabulary has no {shown(min(extra))}")
    if (kind := part.metadata.get(MODEL)) not in TOKENIZERS:
        raise garbage(path, f"its tokenizer is {shown(kind)}, readable are {', '.join(TOKENIZERS)}")
    tokens = part.metadata.get(TOKENS)
    if not isinstance(tokens, Array) or not 0 < len(tokens.texts) <= MOST_TOKENS:
        raise garbage(path, f"a vocabulary has between 1 and {MOST_TOKENS} tokens")
    if max(map(len, tokens.texts)) > LONGEST_TOKEN:
        raise garbage(path, f"one of its tokens has more than {LONGEST_TOKEN} bytes")
    if (wrong := fault(part.metadata)) is not None:
        raise garbage(path, wrong)
