"""Tiny random models of other architectures than llama: recurrent, hybrid, and with a sliding window."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from gguf import GGUFWriter

from tests.models.llama.files import CONTEXT, SIZE, TEMPLATE, write_vocabulary

WIDTH, HEADS, HIDDEN, STATE, RANK, KERNEL = 64, 2, 32, 8, 4, 4
WINDOW = 48
"""Tokens that the layers with a sliding window see."""

Tensors = Mapping[str, npt.NDArray[np.float32]]


class _Weights:
    """Random numbers, the same ones each time."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(7)

    def matrix(self, *shape: int, scale: float = 0.15) -> npt.NDArray[np.float32]:
        return (self._random.standard_normal(shape) * scale).astype(np.float32)

    def ones(self, *shape: int) -> npt.NDArray[np.float32]:
        return np.ones(shape, np.float32)

    def attention(self, block: str) -> Tensors:
        return {f"{block}.attn_{part}.weight": self.matrix(WIDTH, WIDTH) for part in ("q", "k", "v", "output")}

    def feed_forward(self, block: str) -> Tensors:
        return {
            f"{block}.ffn_norm.weight": self.ones(WIDTH),
            f"{block}.ffn_gate.weight": self.matrix(HIDDEN, WIDTH),
            f"{block}.ffn_up.weight": self.matrix(HIDDEN, WIDTH),
            f"{block}.ffn_down.weight": self.matrix(WIDTH, HIDDEN),
        }


def write_recurrent(path: Path) -> Path:
    """A mamba: each sequence has one state, which cannot go back."""
    writer, weights = _start(path, "mamba", layers=2), _Weights()
    inner = 2 * WIDTH
    writer.add_ssm_conv_kernel(KERNEL)
    writer.add_ssm_inner_size(inner)
    writer.add_ssm_state_size(STATE)
    writer.add_ssm_time_step_rank(RANK)
    tensors = {"output_norm.weight": weights.ones(WIDTH)}
    for block in ("blk.0", "blk.1"):
        tensors |= {
            f"{block}.attn_norm.weight": weights.ones(WIDTH),
            f"{block}.ssm_in.weight": weights.matrix(2 * inner, WIDTH),
            f"{block}.ssm_conv1d.weight": weights.matrix(inner, KERNEL, scale=0.5),
            f"{block}.ssm_conv1d.bias": weights.matrix(inner),
            f"{block}.ssm_x.weight": weights.matrix(RANK + 2 * STATE, inner),
            f"{block}.ssm_dt.weight": weights.matrix(inner, RANK),
            f"{block}.ssm_dt.bias": weights.matrix(inner),
            f"{block}.ssm_a": -weights.ones(inner, STATE) / 4,
            f"{block}.ssm_d": weights.ones(inner),
            f"{block}.ssm_out.weight": weights.matrix(WIDTH, inner),
        }
    return _finish(writer, weights, tensors)


def write_hybrid(path: Path) -> Path:
    """An lfm2: a convolution with a state, then attention."""
    writer, weights = _start(path, "lfm2", layers=2), _Weights()
    writer.add_head_count(HEADS)
    writer.add_head_count_kv([0, HEADS])
    writer.add_shortconv_l_cache(KERNEL)
    tensors = {
        "token_embd_norm.weight": weights.ones(WIDTH),
        "blk.0.attn_norm.weight": weights.ones(WIDTH),
        "blk.0.shortconv.conv.weight": weights.matrix(WIDTH, KERNEL, scale=0.5),
        "blk.0.shortconv.in_proj.weight": weights.matrix(3 * WIDTH, WIDTH),
        "blk.0.shortconv.out_proj.weight": weights.matrix(WIDTH, WIDTH),
        **weights.feed_forward("blk.0"),
        "blk.1.attn_norm.weight": weights.ones(WIDTH),
        "blk.1.attn_q_norm.weight": weights.ones(WIDTH // HEADS),
        "blk.1.attn_k_norm.weight": weights.ones(WIDTH // HEADS),
        **weights.attention("blk.1"),
        **weights.feed_forward("blk.1"),
    }
    return _finish(writer, weights, tensors)


def write_windowed(path: Path) -> Path:
    """A gemma2: layers that see the last `WINDOW` tokens alternate with layers that see all."""
    writer, weights = _start(path, "gemma2", layers=4), _Weights()
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_sliding_window(WINDOW)
    tensors = {"output_norm.weight": weights.ones(WIDTH)}
    for layer in range(4):
        block = f"blk.{layer}"
        tensors |= {
            f"{block}.attn_norm.weight": weights.ones(WIDTH),
            f"{block}.post_attention_norm.weight": weights.ones(WIDTH),
            f"{block}.post_ffw_norm.weight": weights.ones(WIDTH),
            **weights.attention(block),
            **weights.feed_forward(block),
        }
    return _finish(writer, weights, tensors)


def _start(path: Path, architecture: str, *, layers: int) -> GGUFWriter:
    writer = GGUFWriter(path, architecture)
    writer.add_name(architecture)
    writer.add_vocab_size(SIZE)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_layer_norm_rms_eps(1e-6)
    write_vocabulary(writer, bytes_=True)
    writer.add_chat_template(TEMPLATE)
    return writer


def _finish(writer: GGUFWriter, weights: _Weights, tensors: Tensors) -> Path:
    writer.add_tensor("token_embd.weight", weights.matrix(SIZE, WIDTH, scale=0.5))
    for name, values in tensors.items():
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return Path(writer.path)
