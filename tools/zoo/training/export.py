"""Writes a trained network as a GGUF file: matrices in f16, norms in f32, tokenizer and chat template inside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from gguf import GGUFWriter, LlamaFileType
from torch import Tensor

from tools.zoo.training.network import RMS_EPSILON, Network
from tools.zoo.training.tokenizer import Vocabulary

LICENSE = "apache-2.0"


def export(network: Network, vocabulary: Vocabulary, name: str, path: Path) -> None:
    """Write `path`, replacing what is there only when the new file is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    writer = GGUFWriter(partial, network.shape.arch)
    _describe(writer, network, name)
    vocabulary.describe(writer)
    for key, tensor in _tensors(network):
        value = tensor.detach().float().cpu().numpy()
        writer.add_tensor(key, value if value.ndim == 1 else value.astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    partial.replace(path)


def _describe(writer: GGUFWriter, network: Network, name: str) -> None:
    shape = network.shape
    writer.add_name(name)
    writer.add_description("A tiny model of AgentNet's zoo, trained on generated drills")
    writer.add_license(LICENSE)
    writer.add_file_type(LlamaFileType.MOSTLY_F16)
    writer.add_quantization_version(2)
    writer.add_vocab_size(shape.vocab)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.ffn)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_key_length(shape.head_dim)
    writer.add_value_length(shape.head_dim)
    writer.add_rope_dimension_count(shape.head_dim)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_layer_norm_rms_eps(RMS_EPSILON)


def _tensors(network: Network) -> Iterator[tuple[str, Tensor]]:
    """Every tensor under llama.cpp's name; matrices are ``[out, in]`` on both sides."""
    shape = network.shape
    yield "token_embd.weight", network.embed.weight
    for place, layer in enumerate(network.layers):
        block, attention = f"blk.{place}", layer.attention
        q, k, v = attention.qkv.weight.split([shape.heads * shape.head_dim] + [shape.kv_heads * shape.head_dim] * 2)
        gate, up = layer.ffn.gate_up.weight.chunk(2)
        yield f"{block}.attn_norm.weight", layer.attention_norm.weight
        yield f"{block}.attn_q.weight", q
        yield f"{block}.attn_k.weight", k
        yield f"{block}.attn_v.weight", v
        yield f"{block}.attn_output.weight", attention.out.weight
        if shape.arch == "qwen3":
            yield f"{block}.attn_q_norm.weight", attention.q_norm.weight
            yield f"{block}.attn_k_norm.weight", attention.k_norm.weight
        yield f"{block}.ffn_norm.weight", layer.ffn_norm.weight
        yield f"{block}.ffn_gate.weight", gate
        yield f"{block}.ffn_up.weight", up
        yield f"{block}.ffn_down.weight", layer.ffn.down.weight
    yield "output_norm.weight", network.norm.weight
    if not shape.tied:
        yield "output.weight", network.head.weight
