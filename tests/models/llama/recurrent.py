"""A small recurrent model (Mamba): its layers keep a state for each sequence instead of keys and values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from gguf import GGUFWriter

from tests.models.llama.files import SIZE, TEMPLATE, write_vocabulary

WIDTH, LAYERS, INNER, STATE, TAPS, RANK = 64, 2, 128, 16, 4, 8


def write_recurrent(path: Path, seed: int = 0) -> Path:
    """A model with random weights and the vocabulary of `files`."""
    random = np.random.default_rng(seed)
    writer = GGUFWriter(path, "mamba")
    writer.add_name("Recurrent")
    writer.add_vocab_size(SIZE)
    writer.add_context_length(512)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(0)
    writer.add_head_count(0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_ssm_conv_kernel(TAPS)
    writer.add_ssm_inner_size(INNER)
    writer.add_ssm_state_size(STATE)
    writer.add_ssm_time_step_rank(RANK)
    write_vocabulary(writer)
    writer.add_chat_template(TEMPLATE)
    shapes: dict[str, tuple[int, ...]] = {
        "attn_norm.weight": (WIDTH,),
        "ssm_in.weight": (2 * INNER, WIDTH),
        "ssm_conv1d.weight": (INNER, TAPS),
        "ssm_conv1d.bias": (INNER,),
        "ssm_x.weight": (RANK + 2 * STATE, INNER),
        "ssm_dt.weight": (INNER, RANK),
        "ssm_dt.bias": (INNER,),
        "ssm_a": (INNER, STATE),
        "ssm_d": (INNER,),
        "ssm_out.weight": (WIDTH, INNER),
    }
    around = {"token_embd.weight": (SIZE, WIDTH), "output_norm.weight": (WIDTH,)}
    blocks = {f"blk.{layer}.{name}": shape for layer in range(LAYERS) for name, shape in shapes.items()}
    for name, shape in (around | blocks).items():
        values = random.standard_normal(shape) * 0.1
        writer.add_tensor(name, (-np.abs(values) if name.endswith("ssm_a") else values).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
