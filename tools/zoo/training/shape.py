"""The choices that fix a network's tensors; free of PyTorch, so that recipes can be read without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Arch = Literal["llama", "qwen3"]

Tokenizer = Literal["chars", "bpe"]


@dataclass(frozen=True, slots=True)
class Shape:
    """Everything that fixes the tensors of a network. `head_dim` times `heads` need not equal `width`."""

    arch: Arch
    vocab: int
    width: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    context: int
    tied: bool = True
    rope_base: float = 10_000.0
