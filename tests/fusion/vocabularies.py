"""Vocabularies to spell with: those of the zoo, and real ones where they are at hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from gguf import GGUFWriter, TokenType

from agentnet.fusion.byte_vocabulary import ByteVocabulary
from agentnet.fusion.retokenizing import Retokenizer
from agentnet.models.llama.vocabulary import Vocabulary
from agentnet.models.tokens import LogitsRow, Reading, TokenSession
from agentnet.zoo import catalog
from benchmarks.generated.vocabularies import vocabulary_folder

T = TypeVar("T")
Logits = Callable[[Sequence[int]], LogitsRow]
"""From the tokens so far to the logits of what comes next."""

FOLDER = vocabulary_folder()
REAL = sorted(FOLDER.glob("*.gguf")) if FOLDER else []
ZOO = [catalog.path(name) for name in ("math", "atlas", "sage", "scout")]
"""Characters, and byte pairs of three sizes."""


def retokenizer_of(vocabulary: Vocabulary) -> tuple[ByteVocabulary, Retokenizer]:
    spelled = [vocabulary.piece(token) for token in range(vocabulary.size)]
    pieces = ByteVocabulary(spelled, [token for token in range(vocabulary.size) if vocabulary.ends(token)])
    retokenizer = Retokenizer("it", pieces, lambda text: vocabulary.tokens(text, begin=False, special=False))
    return pieces, retokenizer


class Pretend:
    """A session of a model that has a vocabulary and no weights: `logits` says what it thinks behind some tokens."""

    admission = None

    def __init__(self, name: str, vocabulary: Vocabulary, logits: Logits) -> None:
        self.name, self.vocabulary = name, vocabulary
        self.prompt: tuple[int, ...] = ()
        self.evaluated = self.prompt_tokens = 0
        self._logits = logits

    async def step(self, tokens: Sequence[int], reading: Reading[T]) -> T:
        return reading.of(np.asarray(self._logits([*self.prompt, *tokens]), np.float32))

    def close(self) -> None:
        """Nothing is held."""


def pretend(name: str, vocabulary: Vocabulary, logits: Logits) -> tuple[str, TokenSession]:
    """What a member is made of."""
    return name, Pretend(name, vocabulary, logits)


def noise(vocabulary: Vocabulary, seed: int) -> Logits:
    """Logits without any regularity, the same each time for the same tokens."""
    return lambda tokens: np.random.default_rng([seed, *tokens]).normal(0, 2, vocabulary.size)


WORDS = ("The", "answer", "is", "no")


def write_sentencepiece(path: Path) -> Path:
    """A vocabulary like that of Llama 2: bytes, characters, and words that begin with their space; a text is opened
    with a space that it does not have."""
    words = [f"▁{word[:end]}" for word in WORDS for end in range(1, len(word) + 1)]
    words += [word[:end] for word in WORDS for end in range(2, len(word) + 1)]
    tokens = ["<unk>", "<s>", "</s>", "</think>", *(f"<0x{byte:02X}>" for byte in range(256))]
    tokens += ["▁", *map(chr, range(33, 127)), *dict.fromkeys(words)]
    kinds = [TokenType.UNKNOWN, *[TokenType.CONTROL] * 3, *[TokenType.BYTE] * 256]
    kinds += [TokenType.NORMAL] * (len(tokens) - len(kinds))
    writer = GGUFWriter(path, "llama")
    writer.add_context_length(64)
    writer.add_embedding_length(8)
    writer.add_block_count(1)
    writer.add_feed_forward_length(8)
    writer.add_head_count(1)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([float(len(token)) for token in tokens])
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_space_prefix(True)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
