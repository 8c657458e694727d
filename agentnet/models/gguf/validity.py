"""What llama.cpp answers with the end of the process, or with nonsense, although a header can tell: refused here."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from agentnet.models.gguf.reader import TOKENS, Array, shown

ARCHITECTURE = "general.architecture"
NO_TOKEN = 2**32 - 1
"""What some converters write where a vocabulary has no such token."""
BYTE_FALLBACK = ("llama",)
"""Tokenizers that spell what they do not know in bytes."""
BYTE_LEVEL = ("gpt2",)
"""Tokenizers whose tokens are texts of stand-ins for bytes."""
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_IDS = ("bos", "eos", "eot", "eom", "unknown")
"""Special tokens that are used. Others may be out of range: llama.cpp disables them."""


def fault(metadata: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the metadata of a model, as part of a sentence; None if nothing is known to be."""
    architecture = metadata.get(ARCHITECTURE)
    if not isinstance(architecture, str):
        return "it names no architecture"
    if _NAME.fullmatch(architecture) is None:
        return f"its architecture is named {shown(architecture)}"
    return _fault_of_shape(metadata, architecture) or _fault_of_vocabulary(metadata)


def _fault_of_shape(metadata: Mapping[str, Any], architecture: str) -> str | None:
    own = {key: value for key, value in metadata.items() if key.startswith(f"{architecture}.")}
    for key, value in own.items():
        if isinstance(value, float) and not math.isfinite(value):
            return f"its {shown(key)} is {value}"
    if own.get(f"{architecture}.block_count") == 0:
        return f"its {architecture}.block_count is 0"
    epsilons = [f"{architecture}.attention.{norm}_epsilon" for norm in ("layer_norm", "layer_norm_rms", "group_norm")]
    bounds = dict.fromkeys(epsilons, 0.0) | {f"{architecture}.rope.freq_base": 1e-30}
    for key, least in bounds.items():
        if isinstance(value := own.get(key), float) and value < least:
            return f"its {key} is {value}"
    return None


def _fault_of_vocabulary(metadata: Mapping[str, Any]) -> str | None:
    tokens = metadata.get(TOKENS)
    if not isinstance(tokens, Array):
        return None
    for key in ("scores", "token_type"):
        values = metadata.get(f"tokenizer.ggml.{key}")
        if isinstance(values, Array) and values.length != tokens.length:
            return f"its vocabulary has {tokens.length} tokens but {values.length} values in {key}"
    for name in _IDS:
        key = f"tokenizer.ggml.{name}_token_id"
        value = metadata.get(key, NO_TOKEN)
        if (
            not isinstance(value, int)
            or isinstance(value, bool)
            or not (0 <= value < tokens.length or value == NO_TOKEN)
        ):
            return f"its {key} is {shown(value)}, the vocabulary has {tokens.length} tokens"
    return _fault_of_tokens(tokens.texts, metadata.get("tokenizer.ggml.model"))


def _fault_of_tokens(texts: tuple[bytes, ...], tokenizer: object) -> str | None:
    # llama.cpp reads a token up to its first NUL, and numbers the empty ones.
    named = [text.partition(b"\0")[0] for text in texts]
    known = set(named)
    if len(known) - (b"" in known) < sum(map(bool, named)):
        return "two tokens of its vocabulary are the same"
    if tokenizer in BYTE_FALLBACK:
        lacking = [byte for byte in range(256) if not {b"<0x%02X>" % byte, bytes((byte,))} & known]
        if lacking:
            return f"its vocabulary has no token for the byte {lacking[0]:#04x}"
    if tokenizer in BYTE_LEVEL:
        for number, text in enumerate(named):
            if not _is_text(text):
                return f"token {number} of its vocabulary is {shown(text)}, which is not UTF-8"
    return None


def _is_text(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
