"""A model's vocabulary: text to tokens and tokens to bytes, through llama.cpp."""

from __future__ import annotations

import ctypes
from typing import Any

from agentnet.errors import ModelError
from agentnet.models.llama import backend

MOST_KEPT = 4096
"""Tokens whose bytes are kept, since they are asked for again and again: all of a real vocabulary would take 10 MiB."""


class Vocabulary:
    """Wraps llama.cpp's vocabulary pointer. Safe to use from any thread: it only reads."""

    def __init__(self, pointer: Any) -> None:
        self._llama = backend.library()
        self.pointer = pointer
        self.size = int(self._llama.llama_vocab_n_tokens(pointer))
        self.derived: dict[type, Any] = {}
        """See `TokenVocabulary`."""
        self._pieces: dict[int, bytes] = {}
        self.adds_bos = bool(self._llama.llama_vocab_get_add_bos(pointer))
        self.bos = self._name(self._llama.llama_vocab_bos(pointer))
        self.eos = self._name(self._llama.llama_vocab_eos(pointer))

    def tokens(self, text: str, *, begin: bool, special: bool = True) -> list[int]:
        """Return the tokens of a text.

        `begin` lets the file add its BOS token; `special` reads the names of control tokens as those tokens.
        """
        data = text.encode()
        room = len(data) + 8
        while True:
            tokens = (ctypes.c_int32 * room)()
            count = self._llama.llama_tokenize(self.pointer, data, len(data), tokens, room, begin, special)
            if count >= 0:
                return list(tokens[:count])
            if -count <= room:
                raise ModelError("llama.cpp could not tokenise the prompt")
            room = -count

    def piece(self, token: int) -> bytes:
        """Return the bytes of one token, which need not be whole characters; none for a control token."""
        known = self._pieces.get(token)
        if known is None:
            if len(self._pieces) >= MOST_KEPT:
                self._pieces.clear()
            known = self._pieces[token] = self._piece(token, special=False)
        return known

    def ends(self, token: int) -> bool:
        """Return whether a token ends the reply. A file may name several such tokens."""
        return bool(self._llama.llama_vocab_is_eog(self.pointer, token))

    def _name(self, token: int) -> str:
        return self._piece(token, special=True).decode(errors="replace") if token >= 0 else ""

    def _piece(self, token: int, *, special: bool) -> bytes:
        room = 64
        while True:
            buffer = ctypes.create_string_buffer(room)
            count = self._llama.llama_token_to_piece(self.pointer, token, buffer, room, 0, special)
            if count >= 0:
                return buffer.raw[:count]
            room = -count
