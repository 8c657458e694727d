"""Models that decode together: each has its own prompt, tokenizer and KV cache, and follows what is said by all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from agentnet.contracts.usage import Usage
from agentnet.errors import ModelError
from agentnet.fusion.byte_level import BYTES, ByteDistribution
from agentnet.fusion.pieces import Piece, Pieces
from agentnet.fusion.spelling import Speller
from agentnet.fusion.views import View
from agentnet.models.base import NextTokenSource, Request
from agentnet.models.llama.stepping import TokenSession
from agentnet.models.llama.vocabulary import Vocabulary

SPACE = b" "
MOST_SPACES = 8
"""In front of a reply, that are taken for the tokenizer's."""


class Member(ABC):
    """One model that takes part in a text. Not safe to use concurrently."""

    name: str
    weight: float
    pieces: Pieces
    respelled: int = 0
    """Pieces that the model would not have said itself, and that were spelled anew."""

    @abstractmethod
    async def view(self) -> View:
        """What the model thinks comes next. Raises `ModelError`; it may be asked again."""

    @abstractmethod
    async def append(self, piece: bytes) -> None:
        """Follow what was said. Raises `ModelError` where the model cannot: it is out of step then."""

    @abstractmethod
    def usage(self) -> Usage:
        """What the model has done so far."""

    @abstractmethod
    def close(self) -> None:
        """Give back what the model holds for this text."""


class LocalMember(Member):
    """A model in process: logits are read in place, and only new tokens are evaluated."""

    def __init__(self, name: str, session: TokenSession, lexicon: Lexicon, *, weight: float = 1.0) -> None:
        self.name, self.weight = name, weight
        self.pieces = lexicon.pieces
        self.tokens: list[int] = []
        """What was said, in the model's own tokens: their bytes are the text so far."""
        self._session, self._lexicon, self._speller = session, lexicon, lexicon.speller
        self._lead = b""
        """What the model's own text begins with and the shared one does not; said with the first token."""
        self._own: tuple[int, int] | None = None
        """How many tokens there were at the last look, and the one that the model itself would have said then."""

    def by_bytes(self) -> ByteMember:
        """The same model as a member that takes part byte by byte."""
        return ByteMember(self.name, self._session, self._lexicon, weight=self.weight)

    async def view(self) -> View:
        """Tokenizers differ in where they put the space between a prompt and a reply: some have it in front of the
        first word. It is no part of the shared text. A token that says nothing but space is said at once."""
        while True:
            heard = len(self.tokens)
            own, pieces, (logits, logprobs) = await self._session.step(self.tokens, self._look)
            said = self._speller.text([own])
            if not self._begins or not said or said.strip(SPACE) or heard >= MOST_SPACES:
                break
            self.tokens.append(own)
        self._lead = SPACE if pieces is not self.pieces else b""
        self._own = (heard, own)
        return View(self.name, pieces, logits, logprobs, weight=self.weight, first_piece=self._first_piece)

    def _look(self, row: Any) -> tuple[int, Pieces, tuple[Any, Any]]:
        """The model's own next token, and all others by what they say of the shared text."""
        own = self.pieces.likeliest(row)
        leads = self._begins and self._speller.text([own]).startswith(SPACE)
        pieces = self._lexicon.led if leads else self.pieces
        return own, pieces, pieces.read(row)

    @property
    def _begins(self) -> bool:
        """Whether nothing of the shared text was said yet."""
        return not self.tokens or not self._speller.text(self.tokens).strip(SPACE)

    def _first_piece(self, text: bytes) -> bytes:
        return self._speller.first_piece(self._lead + text).removeprefix(self._lead)

    async def think(self, ends: bytes, limit: int) -> bytes:
        """Let the model write alone, before anything is said, until `ends` has been written; returns what it wrote.

        That is no part of the text, but stands before it for this model. After `limit` tokens, `ends` is put there.
        """
        thought: list[int] = []
        written = b""
        while len(thought) < limit and ends not in written:
            token = await self._session.step(thought, self.pieces.likeliest)
            if self._session.vocabulary.ends(token):
                break
            thought.append(token)
            written = self._speller.text(thought)
        if ends not in written:
            thought += self._speller.spell(ends)
            written += ends
        self._session.prompt += tuple(thought)
        return written

    async def append(self, piece: bytes) -> None:
        """What the model would have said itself is its own token; anything else is spelled as its tokenizer would."""
        if self._begins:
            piece = self._lead + piece
        if self._own is not None and self._own[0] == len(self.tokens):
            own = self._own[1]
            if self._speller.text([own]) == piece:
                self.tokens.append(own)
                return
        self.respelled += 1
        self.tokens = self._speller.append(self.tokens, piece)

    def usage(self) -> Usage:
        return _usage(self._session)

    def close(self) -> None:
        self._session.close()


class Lexicon:
    """A model's vocabulary, made ready for fusion once."""

    def __init__(self, name: str, session: TokenSession) -> None:
        vocabulary = session.vocabulary
        spelled = [vocabulary.piece(token) for token in range(vocabulary.size)]
        self._spelled = spelled
        self._ends = [token for token in range(vocabulary.size) if vocabulary.ends(token)]
        self.pieces = Pieces(spelled, self._ends)
        self.speller = Speller(
            name, self.pieces, spelled, lambda text: vocabulary.tokens(text, begin=False, special=False)
        )

    @cached_property
    def led(self) -> Pieces:
        """The pieces where a space that belongs to the first word is no part of the text."""
        return Pieces([piece.removeprefix(SPACE) for piece in self._spelled], self._ends)


_lexicons: WeakKeyDictionary[Vocabulary, Lexicon] = WeakKeyDictionary()


def lexicon_of(name: str, session: TokenSession) -> Lexicon:
    """The lexicon of a session's model, made when it is first needed."""
    found = _lexicons.get(session.vocabulary)
    if found is None:
        found = _lexicons[session.vocabulary] = Lexicon(name, session)
    return found


class ByteMember(Member):
    """A model in process that takes part byte by byte."""

    pieces = BYTES

    def __init__(
        self, name: str, session: TokenSession, lexicon: Lexicon, *, weight: float = 1.0, negligible: float = 1e-3
    ) -> None:
        self.name, self.weight = name, weight
        self._session, self._own = session, lexicon.pieces
        self._bytes = ByteDistribution(lexicon.pieces, self._conditional, negligible=negligible)
        self._begun = False

    @property
    def given_up(self) -> float:
        """The share of the probability that was given up so far: a bound of the error."""
        return self._bytes.given_up

    async def _conditional(self, tokens: Sequence[int]) -> Any:
        return await self._session.step(tokens, self._own.logprobs)

    async def view(self) -> View:
        logprobs = await (self._bytes.next() if self._begun else self._begin())
        return View(self.name, BYTES, logprobs, logprobs, weight=self.weight, raw=False)

    async def _begin(self) -> Any:
        """The first distribution, given the space with which the model's own text begins, if it does: see
        `LocalMember`. It is the exact one under that condition."""
        logprobs = await self._bytes.next()
        for _ in range(MOST_SPACES):
            if logprobs[BYTES.places[SPACE]] < np.log(0.5):
                break
            await self._bytes.append(SPACE)
            logprobs = await self._bytes.next()
        self._begun = True
        return logprobs

    async def append(self, piece: bytes) -> None:
        self._begun = True
        try:
            for value in piece:
                await self._bytes.append(bytes([value]))
        except ValueError as error:
            raise ModelError(f"{self.name}: {error}") from error

    def usage(self) -> Usage:
        return _usage(self._session)

    def close(self) -> None:
        self._session.close()


class RemoteMember(Member):
    """A model behind a server that tells its likeliest next tokens. One request for each piece.

    What it gives are log-probabilities, not logits, and only of a few tokens: its views say so.
    """

    pieces = Pieces([b""], ends=[0])

    def __init__(self, name: str, model: NextTokenSource, request: Request, *, weight: float = 1.0) -> None:
        self.name, self.weight = name, weight
        self._model, self._request = model, request
        self._said = b""
        self._usage = Usage()

    async def view(self) -> View:
        try:
            said = self._said.decode()
        except UnicodeDecodeError:
            raise NotNow(f"{self.name} waits for the rest of a character") from None
        found = await self._model.next_tokens(self._request, said)
        self._usage += found.usage
        likely: dict[Piece, float] = dict(found.tokens)
        if not said:
            likely = _without_lead(likely)
        spelled = [piece for piece in likely if piece is not None]
        pieces = Pieces([*spelled, b""], ends=[len(spelled)])
        logprobs = np.full(len(pieces), -np.inf)
        for piece, logprob in likely.items():
            logprobs[pieces.places[piece]] = logprob
        return View(self.name, pieces, logprobs, logprobs, weight=self.weight, raw=False)

    async def append(self, piece: bytes) -> None:
        self._said += piece

    def usage(self) -> Usage:
        return self._usage

    def close(self) -> None:
        """Nothing is held."""


def _without_lead(likely: dict[Piece, float]) -> dict[Piece, float]:
    """First pieces without the space in front of them, where the likeliest one has it; what is nothing else goes."""
    best = max(likely, key=lambda piece: likely[piece], default=None)
    if best is None or not best.startswith(SPACE):
        return likely
    found: dict[Piece, float] = {}
    for piece, logprob in likely.items():
        stripped = piece if piece is None else piece.lstrip(SPACE)
        if stripped != b"":
            found[stripped] = float(np.logaddexp(found.get(stripped, -np.inf), logprob))
    return found


class NotNow(ModelError):
    """A member has no view of this piece, and will have one again."""


def _usage(session: TokenSession) -> Usage:
    prompt = len(session.prompt)
    return Usage(calls=1, prompt_tokens=prompt, completion_tokens=max(0, session.evaluated - prompt))
