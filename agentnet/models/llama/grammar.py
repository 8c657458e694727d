"""Holding replies to a grammar, by llguidance: compiled grammars of one vocabulary, and the state of one reply.

A reply's text stays within the grammar whatever the model prefers. llguidance works on bytes: what it allows is
well-formed UTF-8, and it knows which tokens are forced. Control tokens are unknown to it, so none is ever allowed;
an end token is allowed where the grammar may end.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import numpy as np
from llguidance import LLMatcher, LLParserLimits, LLTokenizer, TokenizerWrapper
from numpy.typing import NDArray

from agentnet.contracts.formats import lark_grammar, regex_grammar, schema_grammar
from agentnet.errors import SchemaUnsupported
from agentnet.models.base import Request
from agentnet.models.llama.vocabulary import Vocabulary
from agentnet.models.tokens import LogitsRow

KEPT = 64
"""Compiled grammars that are kept for the next request with the same one."""
AT_ONCE = 4096
"""Tokens of a vocabulary that are read while the engine is kept from closing."""
WORDS = r"[^\x00-\x1F!-/:-@\[-`{-\x7F]{1,10}"
"""Short tokens without ASCII punctuation. Where a grammar allows all of them, llguidance looks at none of them: besides
JSON strings, for which it has slices of its own, that is so in most regular expressions that people write."""
_LIMITS = LLParserLimits(verbose_errors=False)

ANCHOR = "\n"
"""Text that is put before another one, for the tokens that the other one has within a text."""

Opens = Callable[[], AbstractContextManager[None]]
_Key = tuple[str | None, str | None, str | None]
TokenIds = NDArray[np.int64]


class Constraint:
    """The grammar of one reply, and how far the reply has come. Not to be used by two threads at once."""

    def __init__(self, matcher: LLMatcher, size: int) -> None:
        """`size` is the number of tokens of the vocabulary."""
        self._matcher, self._size = matcher, size

    @property
    def complete(self) -> bool:
        """Whether nothing can follow: the reply ends here."""
        return self._matcher.is_stopped() and not self._matcher.is_error()

    def accept(self, token: int) -> bool:
        """Take a token in if the grammar allows it, and return whether it does. Raises `SchemaUnsupported`."""
        taken = self._matcher.try_consume_tokens([token]) == 1
        if not taken:
            self._check()
        return taken

    def take_forced(self, most: int) -> list[int]:
        """Take in the tokens that the grammar leaves no choice about, at most `most`, and return them.

        They are those that the tokenizer makes of the forced text, so far as no token reaches beyond it: a reply reads
        to the model as if it had been written at once.
        """
        tokens: list[int] = self._matcher.compute_ff_tokens()[:most]
        if tokens and not self._matcher.consume_tokens(tokens):
            self._check()
        return tokens

    def allowed(self) -> TokenIds:
        """Return the tokens that the grammar allows next, in ascending order. Raises `SchemaUnsupported`."""
        return np.flatnonzero(self._mask())

    def likeliest(self, logits: LogitsRow) -> int | None:
        """Return the allowed token with the highest logit; None where no token is allowed. Raises `SchemaUnsupported`.

        `logits` is float32 of shape (vocabulary,).
        """
        mask = self._mask()
        token = int(np.where(mask, logits, -np.inf).argmax())
        return token if mask[token] else None

    def _mask(self) -> NDArray[np.bool_]:
        """Return which tokens are allowed, of shape (vocabulary,). Takes half a millisecond for 152,000 tokens."""
        bits = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
        if self._matcher.is_error():
            self._check()
            return np.zeros(self._size, np.bool_)
        return np.unpackbits(bits, count=self._size, bitorder="little").view(np.bool_)

    def _check(self) -> None:
        """Raise `SchemaUnsupported` if the matcher has failed, but for a state that no token leads out of."""
        if self._matcher.is_error() and "NoExtensionBias" not in (error := self._matcher.get_error()):
            raise SchemaUnsupported(f"the grammar of the reply is too complex: {error.strip().partition(chr(10))[0]}")


class Grammars:
    """The grammars of one vocabulary, compiled when they are first asked for. Safe to use from any thread.

    llguidance's tokenizer of 152,000 tokens takes about a second and 60 MiB. It is made for the first constrained
    reply, on a thread of its own, and freed with the vocabulary.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._making = threading.Lock()
        self._tokenizer: LLTokenizer | None = None
        self._compiled: dict[_Key, LLMatcher] = {}
        """The most recently used ones come last."""

    async def constraint(self, request: Request, open: Opens) -> Constraint | None:
        """Return the grammar that a request holds its reply to, if any. Raises `SchemaUnsupported` and `ModelError`.

        `open` keeps the vocabulary in memory while its context lasts, and raises `ModelError` once the model is closed.
        """
        if request.schema is None and request.regex is None and request.lark is None:
            return None
        key = _key_of(request)
        compiled = self._compiled.pop(key, None)
        if compiled is None:
            compiled = await asyncio.to_thread(self._compile, request, open)
        while len(self._compiled) >= KEPT:
            self._compiled.pop(next(iter(self._compiled)), None)
        self._compiled[key] = compiled
        return Constraint(compiled.deep_copy(), self._vocabulary.size)

    def _compile(self, request: Request, open: Opens) -> LLMatcher:
        if request.regex is not None:
            grammar = regex_grammar(request.regex)
        elif request.lark is not None:
            grammar = lark_grammar(request.lark)
        else:
            grammar = schema_grammar(request.schema or {})
        with self._making:
            tokenizer = self._tokenizer = self._tokenizer or _tokenizer(self._vocabulary, open)
        matcher = LLMatcher(tokenizer, grammar, log_level=0, limits=_LIMITS)
        if matcher.is_error():
            raise SchemaUnsupported(f"replies cannot be held to this form: {matcher.get_error()}")
        return matcher


def grammars_of(vocabulary: Vocabulary) -> Grammars:
    """Return the grammars of a vocabulary, which all models with the same weights share."""
    found: Grammars = vocabulary.derived.setdefault(Grammars, Grammars(vocabulary))
    return found


def _key_of(request: Request) -> _Key:
    try:
        return request.regex, request.lark, None if request.schema is None else json.dumps(request.schema)
    except (TypeError, ValueError, RecursionError):  # compiling says what is wrong
        return None, None, repr(id(request))


def _tokenizer(vocabulary: Vocabulary, open: Opens) -> LLTokenizer:
    """Return llguidance's tokenizer of a vocabulary. A token that shows nothing in a reply has no bytes in it."""
    pieces: list[bytes] = []
    ends: list[int] = []
    for start in range(0, vocabulary.size, AT_ONCE):
        with open():
            for token in range(start, min(start + AT_ONCE, vocabulary.size)):
                ends_here = vocabulary.ends(token)
                piece = b"" if ends_here else vocabulary.piece(token)
                # llguidance takes a first byte 255, which no text has, as its mark of a control token.
                pieces.append(b"" if piece.startswith(b"\xff") else piece)
                if ends_here:
                    ends.append(token)
    wrapper = TokenizerWrapper(_Tokens(vocabulary, pieces, ends[0] if ends else None))
    tokenizer = LLTokenizer(wrapper, eos_token=ends or None, slices=[WORDS, *LLTokenizer.general_slices()])
    pieces.clear()
    return tokenizer


class _Tokens:
    """A vocabulary as llguidance's `TokenizerWrapper` expects one: the bytes of its tokens, and text to tokens."""

    bos_token_id = None

    def __init__(self, vocabulary: Vocabulary, tokens: Sequence[bytes], end: int | None) -> None:
        self._vocabulary, self.tokens, self.eos_token_id = vocabulary, tokens, end

    def __call__(self, data: bytes) -> list[int]:
        """Return tokens whose bytes are those of a text in UTF-8; none where the vocabulary cannot spell it."""
        text = data.decode()
        tokens = self._tokens(text)
        if self._bytes(tokens) == data:
            return tokens
        # SentencePiece puts a space before a text.
        anchored = self._tokens(ANCHOR + text)
        for cut in range(1, len(anchored)):
            if self._bytes(anchored[cut:]) == data:
                return anchored[cut:]
        return []

    def _tokens(self, text: str) -> list[int]:
        return self._vocabulary.tokens(text, begin=False, special=False)

    def _bytes(self, tokens: Sequence[int]) -> bytes:
        return b"".join(map(self._vocabulary.piece, tokens))
