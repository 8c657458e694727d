"""Models that decode together: each has its own prompt, tokenizer and KV cache, and follows what is said by all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from agentnet.contracts.usage import Usage
from agentnet.errors import ModelError
from agentnet.fusion.byte_level import BYTES, ByteDistribution
from agentnet.fusion.lexicon import SPACE, Lexicon
from agentnet.fusion.pieces import Pieces
from agentnet.fusion.views import View
from agentnet.models.llama.stepping import TokenSession

MOST_SPACES = 8
"""In front of a reply, that are taken for the tokenizer's."""


class Member(ABC):
    """One model that takes part in a text. Not safe to use concurrently."""

    name: str
    weight: float
    pieces: Pieces
    session: TokenSession | None = None
    """What an engine of this process holds for it; None for a model behind a server."""
    respelled: int = 0
    """Pieces that the model would not have said itself, and that were spelled anew."""

    async def begin(self) -> None:  # noqa: B027 – not every member has something to find out
        """Called before the first piece is appended, where the model was not asked for it: how its own text would
        begin is known only then. Raises `ModelError`; it may be called again."""

    @abstractmethod
    async def view(self) -> View:
        """What the model thinks comes next. Raises `ModelError`; it may be asked again."""

    @abstractmethod
    async def append(self, piece: bytes) -> None:
        """Follow what was said. Raises `ModelError` where the model cannot: it is out of step then."""

    def length(self, pieces: int) -> int:
        """How many tokens the text has for this member, so many pieces having been said."""
        return pieces

    @abstractmethod
    def usage(self) -> Usage:
        """What the model has done so far."""

    @abstractmethod
    def close(self) -> None:
        """Give back what the model holds for this text."""


class NotNow(ModelError):
    """A member has no view of this piece, and will have one again."""


class LocalMember(Member):
    """A model in process: logits are read in place, and only new tokens are evaluated."""

    def __init__(self, name: str, session: TokenSession, lexicon: Lexicon, *, weight: float = 1.0) -> None:
        self.name, self.weight = name, weight
        self.pieces = lexicon.pieces
        self.tokens: list[int] = []
        """What was said, in the model's own tokens: their bytes are those of the text, behind the space in front."""
        self.session: TokenSession = session
        self._lexicon, self._speller = lexicon, lexicon.speller
        self._lead = b""
        """What the model's own text begins with and the shared one does not; said with the first token."""
        self._begun = False
        """Whether anything of the shared text was said."""
        self._own: int | None = None
        """The token that the model itself would say here; None where it has not looked."""

    def by_bytes(self) -> ByteMember:
        """The same model as a member that takes part byte by byte."""
        return ByteMember(self.name, self.session, self._lexicon, weight=self.weight)

    async def begin(self) -> None:
        if not self._begun and self._own is None:
            await self.view()

    async def view(self) -> View:
        """Tokenizers differ in where they put the space between a prompt and a reply: some have it in front of the
        first word. It is no part of the shared text. A token that says nothing but space is said at once."""
        while True:
            # The engines' threads would take the interpreter from each other, one array at a time, and from the loop.
            own, pieces, (logits, logprobs) = self._look(await self.session.step(self.tokens, np.copy))
            said = self._speller.text([own])
            if self._begun or not said or said.strip(SPACE) or len(self.tokens) >= MOST_SPACES:
                break
            self.tokens.append(own)
        self._lead = SPACE if pieces is not self.pieces else b""
        self._own = own
        return View(self.name, pieces, logits, logprobs, weight=self.weight, first_piece=self._first_piece)

    def _look(self, row: Any) -> tuple[int, Pieces, tuple[Any, Any]]:
        """The model's own next token, and all others by what they say of the shared text."""
        own = self.pieces.likeliest(row)
        leads = not self._begun and self._speller.text([own]).startswith(SPACE)
        pieces = self._lexicon.led if leads else self.pieces
        return own, pieces, pieces.read(row)

    def _first_piece(self, text: bytes) -> bytes:
        lead = b"" if self._begun else self._lead
        return self._speller.first_piece(lead + text).removeprefix(lead)

    async def think(self, ends: bytes, limit: int) -> bytes:
        """Let the model write alone, before anything is said, until `ends` has been written; returns what it wrote.

        That is no part of the text, but stands before it for this model, and so do blank lines behind it. After `limit`
        tokens, `ends` is put there. It may be a control token, which says nothing. Raises `ModelError`; the model has
        thought nothing then.
        """
        vocabulary = self.session.vocabulary
        closing = vocabulary.tokens(ends.decode(), begin=False)
        mark = closing[0] if len(closing) == 1 else None

        def next_token(row: Any) -> int:
            own = self.pieces.likeliest(row)
            return mark if mark is not None and row[mark] > row[own] else own

        thought: list[int] = []
        written = b""
        while len(thought) < limit:
            token = await self.session.step(thought, next_token)
            if token == mark or vocabulary.ends(token):
                break
            thought.append(token)
            written = self._speller.text(thought)
            if ends in written:
                break
        if ends not in written:
            thought += self._speller.spell(ends) if mark is None else [mark]
            written += ends
        for _ in range(MOST_SPACES):
            token = await self.session.step(thought, self.pieces.likeliest)
            blank = self._speller.text([token])
            if not blank.isspace() or not blank.strip(SPACE):
                break
            thought.append(token)
        self.session.prompt += tuple(thought)
        return written

    async def append(self, piece: bytes) -> None:
        """What the model would have said itself is its own token; anything else is spelled as its tokenizer would."""
        if not self._begun:
            piece = self._lead + piece
            self._begun = True
        own, self._own = self._own, None
        if own is not None and self._speller.text([own]) == piece:
            self.tokens.append(own)
            return
        self.respelled += 1
        self.tokens = self._speller.append(self.tokens, piece)

    def usage(self) -> Usage:
        return _usage(self.session)

    def close(self) -> None:
        self.session.close()


class ByteMember(Member):
    """A model in process that takes part byte by byte."""

    pieces = BYTES

    def __init__(
        self, name: str, session: TokenSession, lexicon: Lexicon, *, weight: float = 1.0, negligible: float = 1e-3
    ) -> None:
        self.name, self.weight = name, weight
        self.session: TokenSession = session
        self._own = lexicon.pieces
        self._bytes = ByteDistribution(
            lexicon.pieces, self._conditional, negligible=negligible, respell=lexicon.speller.append
        )
        self._begun = False
        """Whether it is known how the model's own text begins."""

    @property
    def tokens(self) -> tuple[int, ...]:
        """How the model would most probably spell what was said."""
        return self._bytes.tokens

    @property
    def given_up(self) -> float:
        """The share of the probability that was given up so far: a bound of the error."""
        return self._bytes.given_up

    async def _conditional(self, tokens: Sequence[int]) -> Any:
        return await self.session.step(tokens, self._own.logprobs)

    async def view(self) -> View:
        await self.begin()
        logprobs = await self._bytes.next()
        return View(self.name, BYTES, logprobs, logprobs, weight=self.weight, raw=False)

    async def begin(self) -> None:
        """Say the space with which the model's own text begins, if it does: see `LocalMember`. All that follows is
        exact under that condition."""
        for _ in range(0 if self._begun else MOST_SPACES):
            if (await self._bytes.next())[BYTES.places[SPACE]] < np.log(0.5):
                break
            await self._bytes.append(SPACE)
        self._begun = True

    async def append(self, piece: bytes) -> None:
        self._begun = True
        for value in piece:
            await self._bytes.append(bytes([value]))
        self.respelled = self._bytes.respelled

    def length(self, pieces: int) -> int:
        return len(self.tokens)

    def usage(self) -> Usage:
        return _usage(self.session)

    def close(self) -> None:
        self.session.close()


def _usage(session: TokenSession) -> Usage:
    prompt = session.prompt_tokens
    return Usage(calls=1, prompt_tokens=prompt, completion_tokens=max(0, session.evaluated - prompt))
