"""How many bytes a model takes, computed from its header before it is loaded: weights, KV cache, compute buffers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agentnet.models.gguf import Header

_NUMBER_BYTES = {
    "f32": 4.0, "f16": 2.0, "bf16": 2.0, "q8_0": 34 / 32, "q5_1": 24 / 32, "q5_0": 22 / 32, "q4_1": 20 / 32,
    "q4_0": 18 / 32,
}  # fmt: skip
"""Of one number in the KV cache."""
_BLOCK = re.compile(r"blk\.(\d+)\.")
_EMBEDDING, _OUTPUT = "token_embd.weight", "output.weight"
_RECURRENT = ("ssm.", "wkv.", "shortconv.")


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a model takes, in bytes: each block (layer), and what lies around the blocks."""

    blocks: tuple[int, ...]
    """Weights of each block."""
    embedding: int
    """Weights in front of the blocks, which always stay in RAM."""
    output: int
    """Weights behind the blocks, the last matrix above all."""
    tied: bool
    """Whether the last matrix is the embedding again. A GPU that takes the output gets a copy of it."""
    cache: tuple[float, ...]
    """What one token adds to the KV cache in each block."""
    state: tuple[int, ...]
    """What each block keeps for a sequence, whatever its length: the state of recurrent layers."""
    vocabulary: int
    width: int
    hidden: int
    """Numbers of a token within the widest layer: feed-forward, over the experts that are used, or recurrent."""
    heads: int
    cached_width: int
    """Numbers that one token adds to the cache of the block that adds most."""

    @property
    def weights(self) -> int:
        return self.embedding + sum(self.blocks) + (0 if self.tied else self.output)

    @property
    def recurrent(self) -> bool:
        """Whether some layers keep a state that cannot be cut to an earlier token."""
        return any(self.state)

    @property
    def token(self) -> float:
        """What one token adds to the KV cache of all blocks together."""
        return sum(self.cache)

    def cached(self, block: int, *, cells: int, sequences: int) -> int:
        """Return the bytes of KV cache and state of one block, for `cells` tokens and `sequences` sequences."""
        return round(self.cache[block] * cells) + self.state[block] * sequences

    def compute(self, *, cells: int, tokens: int, rows: int, flash: bool) -> int:
        """Estimate the bytes of buffers for `tokens` at once beside a cache of `cells`, with `rows` of logits.

        Two moments need most: the logits of all tokens, and a layer with its attention mask. The factors are those of
        the graphs that llama.cpp builds for the common architectures, measured on its own log and rounded up.
        """
        logits = self.vocabulary + 2 * self.width
        layer = 5 * self.width + max(self.cached_width, 3 * self.hidden)
        scores = cells / 2 if flash else cells * (self.heads + 1) + 2 * self.width
        floats = tokens * max(logits, layer + (scores if self.cached_width else 0)) + rows * self.vocabulary
        return round(4 * 1.05 * floats) + 2**20


def footprint(header: Header, *, kv_type_k: str = "f16", kv_type_v: str = "f16") -> Footprint:
    """Return the footprint of a model whose KV cache has these types of numbers.

    A sliding window counts like a whole context, since llama.cpp keeps whole contexts here. Layers that share or
    compress their cache in a way of their own count like ordinary ones: what is unknown of an architecture counts as
    more, not less.
    """
    shape = _Shape(header)
    weights = {tensor.name: tensor.size for tensor in header.tensors}
    blocks = [0] * shape.layers
    embedding = output = 0
    for name, size in weights.items():
        block = _BLOCK.match(name)
        if block and int(block[1]) < shape.layers:
            blocks[int(block[1])] += size
        elif name.startswith("output"):
            output += size
        else:
            embedding += size
    tied = _OUTPUT not in weights
    cached = [(heads * shape.key, heads * shape.value) for heads in map(shape.cached_heads, range(shape.layers))]
    return Footprint(
        blocks=tuple(blocks),
        embedding=embedding + (output if tied else 0),
        output=output + (weights.get(_EMBEDDING, 0) if tied else 0),
        tied=tied,
        cache=tuple(_NUMBER_BYTES[kv_type_k] * key + _NUMBER_BYTES[kv_type_v] * value for key, value in cached),
        state=tuple(map(shape.state, range(shape.layers))),
        vocabulary=header.vocabulary,
        width=shape.width,
        hidden=shape.hidden,
        heads=shape.heads,
        cached_width=max((key + value for key, value in cached), default=0),
    )


class _Shape:
    """The numbers of an architecture that sizes follow from; 0 where a header does not tell."""

    def __init__(self, header: Header) -> None:
        self._settings = header.settings
        # A damaged header may claim more layers than there are tensors.
        self.layers = min(self._largest("block_count"), len(header.tensors))
        self.width = self._largest("embedding_length")
        self.heads = self._largest("attention.head_count")
        head = self.width // self.heads if self.heads else 0
        self.key = self._largest("attention.key_length", head)
        self.value = self._largest("attention.value_length", head)
        used = max(1, self._largest("expert_used_count"))
        expert = self._largest("expert_feed_forward_length", self._largest("feed_forward_length"))
        self.hidden = max(
            self._largest("feed_forward_length"),
            self._largest("ssm.inner_size"),
            used * (2 * expert + max(expert, self.width)) // 3 if used > 1 else 0,
        )

    def cached_heads(self, block: int) -> int:
        """Return how many heads a block caches; 0 in a layer without attention or with another layer's cache."""
        every = self._largest("full_attention_interval", 1) or 1
        if (block + 1) % every or block >= self.layers - self._largest("attention.shared_kv_layers"):
            return 0
        return self._of_block("attention.head_count_kv", block, self._of_block("attention.head_count", block, 0))

    def state(self, block: int) -> int:
        """Return the bytes of recurrent state of a block and a sequence: convolution and memory, in 32-bit floats."""
        if not any(key.startswith(_RECURRENT) for key in self._settings):
            return 0
        heads_differ = isinstance(self._settings.get("attention.head_count_kv"), tuple)
        if (heads_differ or "full_attention_interval" in self._settings) and self.cached_heads(block):
            return 0
        if head := self._largest("wkv.head_size"):
            return 4 * self.width * (self._largest("token_shift_count", 2) + head)
        if taps := self._largest("shortconv.l_cache"):
            return 4 * self.width * (taps - 1)
        inner, size = self._largest("ssm.inner_size"), self._largest("ssm.state_size")
        taps = max(1, self._largest("ssm.conv_kernel"))
        return 4 * ((taps - 1) * (inner + 2 * self._largest("ssm.group_count") * size) + inner * size)

    def _largest(self, key: str, default: int = 0) -> int:
        value = self._settings.get(key, default)
        values = value if isinstance(value, tuple) else (value,)
        return max(0, max((number for number in values if isinstance(number, int)), default=default))

    def _of_block(self, key: str, block: int, default: int) -> int:
        value = self._settings.get(key, default)
        if isinstance(value, tuple):
            value = value[block] if block < len(value) else default
        return max(0, value) if isinstance(value, int) else default
