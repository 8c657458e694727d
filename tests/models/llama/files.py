"""Small GGUF files made on the spot, and run by the real llama.cpp.

Two kinds of weights. `random`: nothing in particular, but every token of the prompt matters. `chain`: attention and
feed-forward add nothing, so that the next token depends on the last one alone, with logits that a test writes down.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from gguf import GGMLQuantizationType, GGUFWriter, TokenType, quants

UNKNOWN, BEGIN, END, TURN = range(4)
BYTES = 4
CHARACTERS = "".join(map(chr, range(32, 127)))
LETTERS = BYTES + 256
SIZE = LETTERS + len(CHARACTERS)
WIDTH, HEADS, LAYERS, HIDDEN = 384, 4, 2, 32
CONTEXT = 512
TEMPLATE = (
    "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}>{% endif %}"
)
"""Ends in ``>``, so that a chain starts there."""


def letter(character: str) -> int:
    return LETTERS + CHARACTERS.index(character)


def tokens_of(text: str) -> list[int]:
    """What the vocabulary makes of a text: a token for each ASCII character, and one for each byte of any other."""
    tokens: list[int] = []
    for character in text:
        found = CHARACTERS.find(character)
        tokens += [LETTERS + found] if found >= 0 else [BYTES + byte for byte in character.encode()]
    return tokens


def path_through(*tokens: int) -> dict[int, dict[int, float]]:
    """Logits of a chain that starts behind ``>`` and says these tokens, which must differ from one another."""
    assert len({letter(">"), *tokens}) == len(tokens) + 1
    return {last: {token: 20.0} for last, token in zip([letter(">"), *tokens], tokens, strict=False)}


def write_chain(path: Path, logits: Mapping[int, Mapping[int, float]], **settings: Any) -> Path:
    """A model with the given logits of the next token for each last token; 0 where nothing is given."""
    output = np.zeros((SIZE, WIDTH), np.float32)
    for last, nexts in logits.items():
        for token, logit in nexts.items():
            output[token, last] = logit / np.sqrt(WIDTH)  # the norm before the output makes a one into √WIDTH
    return _write(path, np.eye(SIZE, WIDTH, dtype=np.float32), output, np.zeros, **settings)


def write_random(path: Path, seed: int = 0, **settings: Any) -> Path:
    """A model with random weights."""
    random = np.random.default_rng(seed)

    def weights(shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
        return random.standard_normal(shape) * 0.1

    return _write(path, weights((SIZE, WIDTH)), weights((SIZE, WIDTH)), weights, **settings)


def _write(
    path: Path,
    embedding: npt.NDArray[Any],
    output: npt.NDArray[Any],
    weights: Any,
    *,
    template: str | None = TEMPLATE,
    context: int = CONTEXT,
    name: str = "Tiny",
    tensors: bool = True,
    bytes_: bool = True,
    extra: Mapping[str, int] | None = None,
    split: int = 0,
    kind: GGMLQuantizationType = GGMLQuantizationType.F32,
    architecture: str = "llama",
) -> Path:
    writer = GGUFWriter(path, architecture, split_max_tensors=split)
    writer.add_name(name)
    writer.add_vocab_size(SIZE)
    writer.add_context_length(context)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(1)
    writer.add_layer_norm_rms_eps(1e-6)
    for key, value in (extra or {}).items():
        writer.add_uint32(key, value)
    write_vocabulary(writer, bytes_)
    if template is not None:
        writer.add_chat_template(template)
    head = WIDTH // HEADS
    blocks = {
        "attn_q": (WIDTH, WIDTH),
        "attn_k": (head, WIDTH),
        "attn_v": (head, WIDTH),
        "attn_output": (WIDTH, WIDTH),
        "ffn_gate": (HIDDEN, WIDTH),
        "ffn_up": (HIDDEN, WIDTH),
        "ffn_down": (WIDTH, HIDDEN),
    }
    if tensors:
        ones = np.ones(WIDTH, np.float32)
        writer.add_tensor("token_embd.weight", embedding.astype(np.float32))
        writer.add_tensor("output.weight", output.astype(np.float32))
        writer.add_tensor("output_norm.weight", ones)
        for layer in range(LAYERS):
            writer.add_tensor(f"blk.{layer}.attn_norm.weight", ones)
            writer.add_tensor(f"blk.{layer}.ffn_norm.weight", ones)
            for part, shape in blocks.items():
                data = quants.quantize(weights(shape).astype(np.float32), kind)
                writer.add_tensor(f"blk.{layer}.{part}.weight", data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def write_vocabulary(writer: GGUFWriter, bytes_: bool = True) -> None:
    tokens = [b"<unk>", b"<s>", b"</s>", b"<|im_end|>"]
    tokens += [f"<0x{byte:02X}>".encode() for byte in range(256)]
    tokens += [character.replace(" ", "▁").encode() for character in CHARACTERS]
    kinds = [
        TokenType.UNKNOWN,
        *[TokenType.CONTROL] * 3,
        *[TokenType.BYTE if bytes_ else TokenType.CONTROL] * 256,
        *[TokenType.NORMAL] * 95,
    ]
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types(kinds)
    writer.add_bos_token_id(BEGIN)
    writer.add_eos_token_id(END)
    writer.add_unk_token_id(UNKNOWN)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)
