"""The zoo's tokenizers: trained or built from text, used in training, and written into the GGUF file for llama.cpp.

`encode` gives exactly the tokens that llama.cpp gives for the exported file. Text that spells a control token is
ordinary text here; the marks of a conversation are added as ids, never as text.
"""

from __future__ import annotations

import json
import string
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Protocol

from gguf import GGUFWriter, TokenType
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from tools.zoo.training import shape

PAD, USER, ASSISTANT, END = range(4)
CONTROLS = ("<|pad|>", "<|user|>", "<|assistant|>", "<|end|>")
"""The control tokens, with ids 0 to 3 in every vocabulary."""

CHAT_TEMPLATE = (
    "{%- set ns = namespace(system='') -%}"
    "{%- for message in messages -%}"
    "{%- if message['role'] == 'system' -%}{%- set ns.system = ns.system + message['content'] + '\\n' -%}"
    "{%- elif message['role'] == 'assistant' -%}{{- '<|assistant|>' + message['content'] + '<|end|>' -}}"
    "{%- else -%}{{- '<|user|>' + ns.system + message['content'] + '<|end|>' -}}{%- set ns.system = '' -%}"
    "{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}"
)

QWEN2_SPLIT = (
    r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""llama.cpp's pre-tokenizer ``qwen2``: words with their leading space, every digit on its own, runs of punctuation."""

SAMPLE_TEXTS = 20_000


class Vocabulary(Protocol):
    """Text to ids and back, in training and in the exported file."""

    @property
    def size(self) -> int: ...

    def encode(self, texts: list[str]) -> list[list[int]]: ...

    def decode(self, ids: Iterable[int]) -> str: ...

    def describe(self, writer: GGUFWriter) -> None:
        """Write the ``tokenizer.ggml.*`` fields."""

    def save(self, path: Path) -> None: ...


def build(kind: shape.Tokenizer, size: int, texts: Iterable[str]) -> Vocabulary:
    """A vocabulary for `texts` (at most the first 20,000 are read); `size` matters to ``bpe`` only."""
    sample = islice(texts, SAMPLE_TEXTS)
    return CharVocabulary.of(sample) if kind == "chars" else BpeVocabulary.of(sample, size)


def load(path: Path) -> Vocabulary:
    """The vocabulary that `save` wrote."""
    data = json.loads(path.read_text(encoding="utf-8"))
    return CharVocabulary(data["chars"]) if "chars" in data else BpeVocabulary(Tokenizer.from_str(json.dumps(data)))


class CharVocabulary:
    """One token per character and, for characters it does not know, one per UTF-8 byte (SentencePiece's byte fallback).

    Ids: the control tokens, ``<unk>``, 256 bytes, then the characters.
    """

    def __init__(self, chars: str) -> None:
        self.chars = chars
        self._bytes_at = len(CONTROLS) + 1
        self._ids = {char: self._bytes_at + 256 + place for place, char in enumerate(chars)}
        self._ids["\N{LOWER ONE EIGHTH BLOCK}"] = self._ids[" "]

    @classmethod
    def of(cls, texts: Iterable[str]) -> CharVocabulary:
        """Printable ASCII, the newline, and any other character that `texts` use."""
        plain = "\n " + string.digits + string.ascii_letters + string.punctuation
        return cls(plain + "".join(sorted(set().union(*texts) - set(plain))))

    @property
    def size(self) -> int:
        return self._bytes_at + 256 + len(self.chars)

    def encode(self, texts: list[str]) -> list[list[int]]:
        return [[id for char in text for id in self._of_char(char)] for text in texts]

    def _of_char(self, char: str) -> list[int]:
        known = self._ids.get(char)
        return [known] if known is not None else [self._bytes_at + byte for byte in char.encode()]

    def decode(self, ids: Iterable[int]) -> str:
        pieces = bytearray()
        for id in ids:
            if id >= self._bytes_at + 256:
                pieces += self.chars[id - self._bytes_at - 256].encode()
            elif id >= self._bytes_at:
                pieces.append(id - self._bytes_at)
        return pieces.decode(errors="replace")

    def describe(self, writer: GGUFWriter) -> None:
        spelled = [char.replace(" ", "\N{LOWER ONE EIGHTH BLOCK}") for char in self.chars]
        tokens = [*CONTROLS, "<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), *spelled]
        types = [TokenType.CONTROL] * len(CONTROLS) + [TokenType.UNKNOWN] + [TokenType.BYTE] * 256
        types += [TokenType.NORMAL] * len(spelled)
        writer.add_tokenizer_model("llama")
        writer.add_tokenizer_pre("default")
        writer.add_token_list(tokens)
        writer.add_token_scores([0.0] * len(tokens))
        writer.add_token_types(types)
        writer.add_unk_token_id(len(CONTROLS))
        writer.add_add_space_prefix(False)
        _describe_controls(writer)

    def save(self, path: Path) -> None:
        path.write_text(json.dumps({"chars": self.chars}), encoding="utf-8")


class BpeVocabulary:
    """Byte-level byte-pair encoding behind llama.cpp's pre-tokenizer ``qwen2``."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        # Control tokens keep their ids, but a text that spells one is split like any other text.
        self._tokenizer.encode_special_tokens = True

    @classmethod
    def of(cls, texts: Iterable[str], size: int) -> BpeVocabulary:
        """Merges learnt from `texts` until there are `size` tokens (or nothing is left to merge)."""
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(QWEN2_SPLIT), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=size,
            special_tokens=list(CONTROLS),
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        )
        tokenizer.train_from_iterator(texts, trainer)
        return cls(tokenizer)

    @property
    def size(self) -> int:
        return self._tokenizer.get_vocab_size()

    def encode(self, texts: list[str]) -> list[list[int]]:
        return [found.ids for found in self._tokenizer.encode_batch(texts, add_special_tokens=False)]

    def decode(self, ids: Iterable[int]) -> str:
        return self._tokenizer.decode(list(ids), skip_special_tokens=True)

    def describe(self, writer: GGUFWriter) -> None:
        model = json.loads(self._tokenizer.to_str())["model"]
        tokens = sorted(model["vocab"], key=model["vocab"].__getitem__)
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("qwen2")
        writer.add_token_list(tokens)
        writer.add_token_types([TokenType.CONTROL if token in CONTROLS else TokenType.NORMAL for token in tokens])
        writer.add_token_merges([" ".join(pair) for pair in model["merges"]])
        _describe_controls(writer)

    def save(self, path: Path) -> None:
        self._tokenizer.save(str(path))


def _describe_controls(writer: GGUFWriter) -> None:
    writer.add_bos_token_id(USER)
    writer.add_eos_token_id(END)
    writer.add_eot_token_id(END)
    writer.add_pad_token_id(PAD)
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)
