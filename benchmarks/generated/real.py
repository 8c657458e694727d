"""Models of the llama architecture with a real vocabulary and random weights, which say a given text all the same.

Embeddings are random and serve as the output too, as in the small models that people run. All blocks add little to
the residual stream, so that it stays close to the last token's embedding. The feed-forward part of the last block then
looks that token up and adds the next one's embedding, large (`lookup`). The scale of the last norm decides how sure the
model is.

Blocks are Q4_0 and the embeddings Q8_0. That is nearest to what llama.cpp makes of a file of 4 bits: it gives more bits
to a matrix that serves as embeddings and output.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt
from gguf import GGMLQuantizationType, GGUFWriter, quants

from benchmarks.generated.chains import Chain, Links, links_of
from benchmarks.generated.drawn import BLOCK, BYTES, Blocks, Draw
from benchmarks.generated.folder import FOLDER, written_once
from benchmarks.generated.lookup import Lookup, Matrix, lookup, mark, sureness
from benchmarks.generated.made_up import CONTEXT, TEMPLATE
from benchmarks.generated.vocabularies import copy_tokenizer, open_vocabulary, vocabulary_file

VERSION = 1
"""Part of the files' names: raise it with every change of what is written."""
LAYERS_KIND, EMBEDDING_KIND = GGMLQuantizationType.Q4_0, GGMLQuantizationType.Q8_0
SMALL = 0.1
"""Size of what all blocks together add, beside an embedding."""


@dataclass(frozen=True)
class Shape:
    """The size of a model, without its vocabulary."""

    width: int
    layers: int
    heads: int
    kv_heads: int
    hidden: int

    def parameters(self, vocabulary: int) -> int:
        attention = 2 * self.width**2 + 2 * self.width * self.kv_width
        return self.layers * (attention + 3 * self.width * self.hidden) + vocabulary * self.width

    @property
    def kv_width(self) -> int:
        return self.width // self.heads * self.kv_heads


SHAPES = {
    "tiny": Shape(width=256, layers=4, heads=4, kv_heads=2, hidden=768),
    "m100": Shape(width=384, layers=24, heads=6, kv_heads=2, hidden=1152),
    "m1000": Shape(width=2048, layers=20, heads=16, kv_heads=8, hidden=5632),
    "m7000": Shape(width=4096, layers=32, heads=32, kv_heads=8, hidden=14336),
}
"""With 151,936 tokens: 42 million, 100 million, 1.3 billion and 7.6 billion parameters."""


def model_file(shape: str, vocabulary: str, chain: Chain, folder: Path = FOLDER) -> Path:
    """Return the GGUF file of a shape with a vocabulary that says a chain, written on first use.

    Raises `MissingVocabulary`, `KeyError` for an unknown shape, and `ValueError` for a text that cannot be said.
    """
    source = vocabulary_file(vocabulary)
    contents = (VERSION, SHAPES[shape], chain, hashlib.sha256(source.read_bytes()).hexdigest())
    digest = hashlib.sha256(repr(contents).encode()).hexdigest()[:10]
    path = folder / f"{shape}@{vocabulary}-{digest}.gguf"
    return written_once(path, lambda part: write(part, SHAPES[shape], source, chain))


def write(path: Path, shape: Shape, source: Path, chain: Chain) -> None:
    """Write a model with the vocabulary of a GGUF file, one tensor after the other."""
    with open_vocabulary(source) as vocabulary:
        size = vocabulary.size
        links = links_of(chain, vocabulary, shape.hidden - 1)
    writer = GGUFWriter(path, "llama")
    writer.add_name(path.stem.partition("-")[0])
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.hidden)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_rope_dimension_count(shape.width // shape.heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(size)
    copy_tokenizer(source, writer, template=TEMPLATE)
    tensors = _Tensors(shape, size, links, chain.top, Draw(chain.seed, crc32(source.name.encode()))).listed()
    for tensor in tensors:
        writer.add_tensor_info(tensor.name, tensor.shape, tensor.dtype, tensor.bytes, tensor.kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for tensor in tensors:
        writer.write_tensor_data(tensor.make().reshape(tensor.shape))
    writer.close()


@dataclass(frozen=True)
class _Tensor:
    """A tensor whose values are made when it is written."""

    name: str
    shape: tuple[int, ...]
    kind: GGMLQuantizationType
    make: Callable[[], npt.NDArray[Any]]

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.uint8 if self.kind in BYTES else np.float32)

    @property
    def bytes(self) -> int:
        return int(np.prod(self.shape)) * self.dtype.itemsize


class _Tensors:
    """All tensors of a model, in the order in which they are made."""

    def __init__(self, shape: Shape, size: int, links: Links, top: float, draw: Draw) -> None:
        self._shape, self._size, self._links, self._top, self._draw = shape, size, links, top, draw
        self._lookup: Lookup
        """Known once the embeddings are drawn."""

    def listed(self) -> list[_Tensor]:
        shape = self._shape
        small = SMALL / sqrt(2 * shape.layers)
        tensors = [
            _quantised("token_embd", self._size, shape.width, EMBEDDING_KIND, self._embeddings),
            self._norm("output_norm", sureness(self._top, self._size, shape.width)),
        ]
        for layer in range(shape.layers):
            block = f"blk.{layer}"
            tensors += [
                self._norm(f"{block}.attn_norm", 1.0),
                self._random(f"{block}.attn_q", shape.width, shape.width),
                self._random(f"{block}.attn_k", shape.kv_width, shape.width),
                self._random(f"{block}.attn_v", shape.kv_width, shape.width),
                self._random(f"{block}.attn_output", shape.width, shape.width, small),
                self._norm(f"{block}.ffn_norm", 1.0),
            ]
            if layer < shape.layers - 1:
                tensors += [
                    self._random(f"{block}.ffn_gate", shape.hidden, shape.width),
                    self._random(f"{block}.ffn_up", shape.hidden, shape.width),
                    self._random(f"{block}.ffn_down", shape.width, shape.hidden, small),
                ]
            else:
                tensors += [
                    self._looked_up(f"{block}.ffn_gate", shape.hidden, shape.width, lambda found: found.gate),
                    self._looked_up(f"{block}.ffn_up", shape.hidden, shape.width, lambda found: found.up),
                    self._looked_up(f"{block}.ffn_down", shape.width, shape.hidden, lambda found: found.down),
                ]
        return tensors

    def _embeddings(self) -> Blocks:
        rows = self._draw.matrix(self._size, self._shape.width, EMBEDDING_KIND, 1.0)
        mark(rows, self._links)
        self._lookup = lookup(rows, self._links, self._shape.hidden)
        return rows

    def _random(self, name: str, rows: int, columns: int, size: float = 1.0) -> _Tensor:
        rms = size / sqrt(columns)
        return _quantised(name, rows, columns, LAYERS_KIND, lambda: self._draw.matrix(rows, columns, LAYERS_KIND, rms))

    def _looked_up(self, name: str, rows: int, columns: int, part: Callable[[Lookup], Matrix]) -> _Tensor:
        def make() -> npt.NDArray[Any]:
            return quants.quantize(part(self._lookup), EMBEDDING_KIND)

        return _quantised(name, rows, columns, EMBEDDING_KIND, make)

    def _norm(self, name: str, value: float) -> _Tensor:
        width = self._shape.width
        return _Tensor(f"{name}.weight", (width,), GGMLQuantizationType.F32, lambda: np.full(width, value, np.float32))


def _quantised(
    name: str, rows: int, columns: int, kind: GGMLQuantizationType, make: Callable[[], npt.NDArray[Any]]
) -> _Tensor:
    return _Tensor(f"{name}.weight", (rows, columns // BLOCK * BYTES[kind]), kind, make)
