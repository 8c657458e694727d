"""Which node holds which beginnings of prompts in its cache, as far as this process can know.

A prompt is cut into blocks of equal length, and each block is named by a digest of all text up to its end: two prompts
share as many tokens as they share leading digests. A node is believed to hold what it was last asked, up to as much as
its cache may hold.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agentnet.models.base import ChatMessage

BLOCK = 256
"""Characters of a block of text."""
BLOCK_TOKENS = 64
"""Tokens of a block; of a text, an estimate (four characters a token)."""
HOLDERS = 8
"""Most nodes that are remembered for one block: the latest."""
BLOCKS = 4096
"""Most blocks that one node is believed to hold."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """The length of a prompt in tokens, and the digests of its whole blocks, from the first on."""

    tokens: int
    blocks: tuple[bytes, ...]

    @classmethod
    def of_messages(cls, messages: Sequence[ChatMessage]) -> Prompt:
        """Return the prompt of a chat; its tokens are estimated."""
        text = json.dumps([[message["role"], message["content"]] for message in messages], ensure_ascii=False)
        parts = (text[start : start + BLOCK].encode(errors="replace") for start in range(0, len(text), BLOCK))
        return cls(-(-len(text) * BLOCK_TOKENS // BLOCK), _chained(parts, len(text) // BLOCK))

    @classmethod
    def of_tokens(cls, tokens: Sequence[int]) -> Prompt:
        """Return the prompt of token ids."""
        starts = range(0, len(tokens), BLOCK_TOKENS)
        parts = (repr(list(tokens[start : start + BLOCK_TOKENS])).encode() for start in starts)
        return cls(len(tokens), _chained(parts, len(tokens) // BLOCK_TOKENS))


def _chained(parts: Iterable[bytes], whole: int) -> tuple[bytes, ...]:
    """Return the digests of the first `whole` parts, each with all parts before it."""
    digest = hashlib.blake2b(digest_size=8)
    digests: list[bytes] = []
    for _, part in zip(range(whole), parts, strict=False):
        digest.update(part)
        digests.append(digest.digest())
    return tuple(digests)


class Prefixes:
    """The blocks that each node was last asked with, bounded for each node and for each block."""

    def __init__(self, most: int = BLOCKS) -> None:
        self._most = most
        self._blocks: defaultdict[str, OrderedDict[bytes, None]] = defaultdict(OrderedDict)
        """Node → its blocks, the least recently used first."""
        self._holders: dict[bytes, dict[str, None]] = {}
        """Block → its nodes, the latest last."""

    def held(self, node: str, prompt: Prompt) -> int:
        """Return how many tokens of a prompt a node holds."""
        count = 0
        for block in prompt.blocks:
            if node not in self._holders.get(block, ()):
                break
            count += 1
        return min(count * BLOCK_TOKENS, prompt.tokens)

    def holders(self, prompt: Prompt) -> list[str]:
        """Return the nodes that hold the longest known beginning of a prompt, the latest first."""
        for block in reversed(prompt.blocks):
            if holders := self._holders.get(block):
                return list(reversed(holders))
        return []

    def add(self, node: str, prompt: Prompt) -> None:
        """Remember that a node evaluated a prompt."""
        blocks = self._blocks[node]
        for block in reversed(prompt.blocks):  # the end of a prompt is forgotten before its beginning
            blocks[block] = None
            blocks.move_to_end(block)
            holders = self._holders.setdefault(block, {})
            holders.pop(node, None)
            holders[node] = None
            if len(holders) > HOLDERS:
                oldest = next(iter(holders))
                del holders[oldest]
                self._blocks[oldest].pop(block, None)
        while len(blocks) > self._most:
            self._drop(node, blocks.popitem(last=False)[0])

    def forget(self, node: str) -> None:
        """Forget a node: its process has ended, and its cache with it."""
        for block in self._blocks.pop(node, ()):
            self._drop(node, block)

    def _drop(self, node: str, block: bytes) -> None:
        holders = self._holders[block]
        holders.pop(node, None)
        if not holders:
            del self._holders[block]
