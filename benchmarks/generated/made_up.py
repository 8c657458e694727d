"""Models with random weights and a made-up vocabulary: quality does not matter to a measurement of speed.

They say words of three letters for ever: the end token is never the likeliest. A word is one token, so that prompts of
a known length can be written as text, and the chat template is the bare content, so that every server reads the same.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from string import ascii_lowercase

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter, TokenType, quants

VOCABULARY = 8192
CONTEXT = 8192
SPACE = "\N{LOWER ONE EIGHTH BLOCK}"
LEADS = [f"{SPACE}{one}{two}" for one, two in product(ascii_lowercase, repeat=2)]
TEMPLATE = "{% for message in messages %}{{ message.content }}{% endfor %}"
_CONTROLS = ["<unk>", "<s>", "</s>"]


@dataclass(frozen=True)
class Shape:
    """The size of a model of the llama architecture."""

    width: int
    layers: int
    heads: int
    kv_heads: int
    hidden: int
    kind: GGMLQuantizationType = GGMLQuantizationType.Q4_0

    @property
    def parameters(self) -> int:
        attention = 2 * self.width**2 + 2 * self.width * (self.width // self.heads) * self.kv_heads
        return self.layers * (attention + 3 * self.width * self.hidden) + 2 * VOCABULARY * self.width


SHAPES = {
    "m20": Shape(width=384, layers=6, heads=6, kv_heads=2, hidden=1024),
    "m100": Shape(width=768, layers=12, heads=12, kv_heads=4, hidden=2304),
    "m100-q8": Shape(width=768, layers=12, heads=12, kv_heads=4, hidden=2304, kind=GGMLQuantizationType.Q8_0),
    "m1000": Shape(width=2048, layers=20, heads=16, kv_heads=8, hidden=5632),
}


def words(count: int, random: random.Random) -> str:
    """A text of `count` words, each one token."""
    return " ".join(random.choices(WORDS, k=count))


def _pieces() -> list[str]:
    """All tokens but the special ones; the three-letter words come last."""
    firsts = [f"{SPACE}{one}" for one in ascii_lowercase]
    known = ["\n", SPACE, *map(chr, range(33, 127)), *firsts, *LEADS]
    room = VOCABULARY - len(_CONTROLS) - 256 - len(known)
    threes = [f"{lead}{letter}" for letter in ascii_lowercase for lead in LEADS]
    return [*known, *threes[:room]]


PIECES = _pieces()
WORDS = [piece.removeprefix(SPACE) for piece in PIECES if len(piece) == 4]


def write(path: Path, shape: Shape, *, seed: int = 0) -> None:
    """Write a model of a shape, its matrices quantised."""
    writer = GGUFWriter(path, "llama")
    writer.add_name(path.stem)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.hidden)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_rope_dimension_count(shape.width // shape.heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(VOCABULARY)
    _add_vocabulary(writer)
    _add_weights(writer, shape, np.random.default_rng(seed))
    finish(writer)


def _add_vocabulary(writer: GGUFWriter) -> None:
    tokens = [*_CONTROLS, *(f"<0x{byte:02X}>" for byte in range(256)), *PIECES]
    kinds = [TokenType.UNKNOWN, TokenType.CONTROL, TokenType.CONTROL, *[TokenType.BYTE] * 256]
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores([*[0.0] * (len(_CONTROLS) + 256), *(float(len(piece)) for piece in PIECES)])
    writer.add_token_types([*kinds, *[TokenType.NORMAL] * len(PIECES)])
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(False)
    writer.add_add_space_prefix(True)
    writer.add_chat_template(TEMPLATE)


def _add_weights(writer: GGUFWriter, shape: Shape, draw: np.random.Generator) -> None:
    def add(name: str, rows: int, columns: int, *, silent: int = 0) -> None:
        weights = draw.standard_normal((rows, columns), np.float32) / np.sqrt(columns, dtype=np.float32)
        weights[:silent] = 0
        kind = shape.kind
        writer.add_tensor(f"{name}.weight", quants.quantize(weights, kind), raw_dtype=kind)

    def add_norm(name: str) -> None:
        writer.add_tensor(f"{name}.weight", np.ones(shape.width, np.float32))

    kv_width = shape.width // shape.heads * shape.kv_heads
    add("token_embd", VOCABULARY, shape.width)
    for layer in range(shape.layers):
        block = f"blk.{layer}"
        add(f"{block}.attn_q", shape.width, shape.width)
        add(f"{block}.attn_k", kv_width, shape.width)
        add(f"{block}.attn_v", kv_width, shape.width)
        add(f"{block}.attn_output", shape.width, shape.width)
        add(f"{block}.ffn_gate", shape.hidden, shape.width)
        add(f"{block}.ffn_up", shape.hidden, shape.width)
        add(f"{block}.ffn_down", shape.width, shape.hidden)
        add_norm(f"{block}.attn_norm")
        add_norm(f"{block}.ffn_norm")
    add_norm("output_norm")
    add("output", VOCABULARY, shape.width, silent=VOCABULARY - len(WORDS))


def finish(writer: GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
