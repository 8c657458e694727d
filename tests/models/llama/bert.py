"""A tiny embedding model of random weights, as a GGUF file: BERT with a vocabulary of letters, and mean pooling."""

from __future__ import annotations

import string
from pathlib import Path

import numpy as np
from gguf import GGUFWriter, PoolingType, TokenType

WIDTH, FFN, HEADS, LAYERS, CONTEXT = 64, 128, 4, 2, 256
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def tiny_bert(path: Path, *, pooling: PoolingType | None = PoolingType.MEAN) -> Path:
    """Write the model and return its path. Its weights are drawn, so similar spellings have similar vectors."""
    signs = string.ascii_lowercase + string.digits + string.punctuation
    tokens = [*SPECIAL, *(f"\u2581{sign}" for sign in signs), *signs]
    types = [TokenType.CONTROL] * len(SPECIAL) + [TokenType.NORMAL] * 2 * len(signs)
    writer = GGUFWriter(path, "bert")
    writer.add_name("tiny embeddings")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FFN)
    writer.add_head_count(HEADS)
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(False)
    writer.add_token_type_count(2)
    if pooling is not None:
        writer.add_pooling_type(pooling)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_pad_token_id(0)
    writer.add_unk_token_id(1)
    writer.add_bos_token_id(2)
    writer.add_eos_token_id(3)
    writer.add_sep_token_id(3)
    writer.add_mask_token_id(4)
    _add_weights(writer, len(tokens))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_weights(writer: GGUFWriter, vocabulary: int) -> None:
    draw = np.random.default_rng(0)

    def add(name: str, *shape: int) -> None:
        writer.add_tensor(f"{name}.weight", draw.normal(0, 0.2, shape).astype(np.float32))

    def linear(name: str, width: int, inner: int) -> None:
        add(name, width, inner)
        writer.add_tensor(f"{name}.bias", np.zeros(width, np.float32))

    def norm(name: str) -> None:
        writer.add_tensor(f"{name}.weight", np.ones(WIDTH, np.float32))
        writer.add_tensor(f"{name}.bias", np.zeros(WIDTH, np.float32))

    add("token_embd", vocabulary, WIDTH)
    add("token_types", 2, WIDTH)
    add("position_embd", CONTEXT, WIDTH)
    norm("token_embd_norm")
    for layer in range(LAYERS):
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            linear(f"blk.{layer}.{part}", WIDTH, WIDTH)
        norm(f"blk.{layer}.attn_output_norm")
        linear(f"blk.{layer}.ffn_up", FFN, WIDTH)
        linear(f"blk.{layer}.ffn_down", WIDTH, FFN)
        norm(f"blk.{layer}.layer_output_norm")
