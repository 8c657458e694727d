"""Models that decode together: each has its own prompt, tokenizer and KV cache, and follows the shared text."""

from __future__ import annotations

from abc import ABC, abstractmethod

from agentnet.contracts.usage import Usage
from agentnet.errors import ModelError
from agentnet.fusion.byte_level import ByteDistribution
from agentnet.fusion.byte_view import ByteView
from agentnet.fusion.byte_vocabulary import SPACE, Pieces
from agentnet.fusion.logits_view import LogitsView
from agentnet.fusion.ranking import Ranking
from agentnet.fusion.token_weights import TokenWeights
from agentnet.fusion.tokenizer_view import tokenizer_view
from agentnet.fusion.views import View
from agentnet.models.tokens import Argmax, Row, TokenSession

MOST_SPACES = 8
"""The most spaces in front of a reply that are taken for the tokenizer's."""


class Member(ABC):
    """One model that takes part in a text. Not safe to use concurrently."""

    name: str
    weight: float
    session: TokenSession | None = None
    """The session that shows the model's logits; None for a model behind a server."""
    retokenized: int = 0
    """Pieces that the model would not have said itself, and that were turned into its tokens."""

    async def begin(self) -> None:  # noqa: B027 – not every member has something to find out
        """Find out how the model's own text would begin.

        Called before the first piece is appended where the model was not asked for a view of it. Raises `ModelError`;
        it may be called again.
        """

    @abstractmethod
    async def view(self) -> View:
        """Return the model's distribution over the next piece. Raises `ModelError`; it may be asked again."""

    @abstractmethod
    async def append(self, piece: bytes) -> None:
        """Follow the shared text. Raises `ModelError` where the model cannot: it is out of step then."""

    def view_at_once(self, backlog: list[bytes]) -> View | None:
        """Follow the pieces of a backlog and return the view behind them, where that needs nothing of the model.

        None where it does: then `append` and `view` do the rest, for the pieces that are left in the backlog. Raises
        like `append`.
        """
        return None

    def length(self, pieces: int) -> int:
        """Return how many tokens a text of some pieces has for this member."""
        return pieces

    @abstractmethod
    def usage(self) -> Usage:
        """Return what the model has done so far."""

    @abstractmethod
    def close(self) -> None:
        """Give back what the model holds for this text."""


class NotNow(ModelError):
    """A member has no view of this piece, and will have one of a later piece."""


class LocalMember(Member):
    """A model whose logits are in sight: it takes part piece by piece, and evaluates only new tokens."""

    def __init__(self, name: str, session: TokenSession, *, weight: float = 1.0) -> None:
        self.name, self.weight = name, weight
        self.session: TokenSession = session
        self._tokenizer = tokenizer_view(session)
        self._retokenizer = self._tokenizer.retokenizer
        self.vocabulary = self._tokenizer.vocabulary
        self.tokens: list[int] = []
        """The text in the model's own tokens: their bytes are those of the text, behind the leading space."""
        self._leading_space = b""
        """What the model's own text begins with and the shared one does not; said with the first token."""
        self._begun = False
        """Whether anything of the shared text was said."""
        self._own: int | None = None
        """The token that the model itself would say here; None where it has no view yet."""

    def by_bytes(self) -> ByteMember:
        """Return the same model as a member that takes part byte by byte."""
        return ByteMember(self.name, self.session, weight=self.weight)

    async def begin(self) -> None:
        if not self._begun and self._own is None:
            await self.view()

    async def view(self) -> View:
        """Return the model's distribution over the next piece.

        Tokenizers differ in where they put the space between a prompt and a reply: some have it in front of the first
        word. It is no part of the shared text. A token that says nothing but space is said at once.
        """
        while True:
            # The row is read on the event loop: the engines' threads would contend for the interpreter lock, with each
            # other and with the loop, at every array operation.
            row = await self.session.step(self.tokens, Row())
            ranking = Ranking(row, self.vocabulary.silent)
            own = ranking.greatest(1)[0][0]
            said = self.vocabulary.spelled(own)
            spaced = not self._begun and said.startswith(SPACE)
            if self._begun or not said or said.strip(SPACE) or len(self.tokens) >= MOST_SPACES:
                break
            self.tokens.append(own)
        vocabulary: Pieces = self.vocabulary
        if spaced:
            vocabulary = self._tokenizer.without_leading_space
            ranking = Ranking(row.copy(), vocabulary.silent)
        self._leading_space = SPACE if spaced else b""
        self._own = own
        return LogitsView(self.name, vocabulary, ranking, weight=self.weight, first_piece=self._first_piece)

    def _first_piece(self, text: bytes) -> bytes:
        leading = b"" if self._begun else self._leading_space
        return self._retokenizer.first_piece(leading + text).removeprefix(leading)

    async def think(self, ends: bytes, limit: int) -> bytes:
        """Let the model write alone, before anything is said, until `ends` has been written; return what it wrote.

        The thoughts are no part of the text, but precede it for this model, and so do blank lines behind them. After
        `limit` tokens, `ends` is appended. It may be a control token, which says nothing. Raises `ModelError`; the
        model has thought nothing then.
        """
        vocabulary = self.session.vocabulary
        closing = vocabulary.tokens(ends.decode(), begin=False)
        mark = closing[0] if len(closing) == 1 else None
        writing = Argmax(self.vocabulary.silent - {mark})
        thought: list[int] = []
        written = b""
        while len(thought) < limit:
            token = await self.session.step(thought, writing)
            if token == mark or vocabulary.ends(token):
                break
            thought.append(token)
            written = self._retokenizer.text(thought)
            if ends in written:
                break
        if ends not in written:
            thought += self._retokenizer.tokens(ends) if mark is None else [mark]
            written += ends
        speaking = Argmax(self.vocabulary.silent)
        for _ in range(MOST_SPACES):
            token = await self.session.step(thought, speaking)
            blank = self._retokenizer.text([token])
            if not blank.isspace() or not blank.strip(SPACE):
                break
            thought.append(token)
        self.session.prompt += tuple(thought)
        return written

    async def append(self, piece: bytes) -> None:
        """Follow the shared text: with the model's own token where that says the piece, else with the tokens that its
        tokenizer has for it."""
        if not self._begun:
            piece = self._leading_space + piece
            self._begun = True
        own, self._own = self._own, None
        if own is not None and self._retokenizer.text([own]) == piece:
            self.tokens.append(own)
            return
        self.retokenized += 1
        self.tokens = self._retokenizer.append(self.tokens, piece)

    def usage(self) -> Usage:
        return _usage(self.session)

    def close(self) -> None:
        self.session.close()


class ByteMember(Member):
    """A model whose logits are in sight and that takes part byte by byte."""

    def __init__(self, name: str, session: TokenSession, *, weight: float = 1.0, negligible: float = 1e-3) -> None:
        """`negligible` is that of `ByteDistribution`."""
        self.name, self.weight = name, weight
        self.session: TokenSession = session
        tokenizer = tokenizer_view(session)
        self._vocabulary = tokenizer.vocabulary
        self._bytes = ByteDistribution(self._vocabulary, negligible=negligible, retokenize=tokenizer.retokenizer.append)
        self._begun = False
        """Whether it is known how the model's own text begins."""

    @property
    def tokens(self) -> tuple[int, ...]:
        """The tokens that the model would most probably use for the text."""
        return self._bytes.tokens

    @property
    def given_up(self) -> float:
        """The share of the probability that was given up so far: a bound of the error."""
        return self._bytes.given_up

    async def view(self) -> View:
        await self.begin()
        await self._read()
        return self._view()

    async def begin(self) -> None:
        """Say the space with which the model's own text begins, if it does: see `LocalMember`. All that follows is
        exact under that condition."""
        for _ in range(0 if self._begun else MOST_SPACES):
            await self._read()
            if self._view().probability(SPACE) < 0.5:
                break
            self._bytes.append(SPACE)
        self._begun = True

    async def append(self, piece: bytes) -> None:
        self._begun = True
        for value in piece:
            await self._read()
            self._append(bytes([value]))

    def view_at_once(self, backlog: list[bytes]) -> View | None:
        while self._begun and not self._bytes.unread:
            if not backlog:
                return self._view()
            if len(backlog[0]) > 1:
                break
            self._append(backlog[0])
            del backlog[0]
        return None

    async def _read(self) -> None:
        """Ask the model where what it knows does not reach."""
        for cover in self._bytes.unread:
            cover.weights = TokenWeights(self._vocabulary, await self.session.step(cover.tokens, Row()))

    def _append(self, byte: bytes) -> None:
        self._bytes.append(byte)
        self.retokenized = self._bytes.retokenized

    def _view(self) -> View:
        return ByteView(self.name, self._bytes.next(), weight=self.weight)

    def length(self, pieces: int) -> int:
        return len(self.tokens)

    def usage(self) -> Usage:
        return _usage(self.session)

    def close(self) -> None:
        self.session.close()


def _usage(session: TokenSession) -> Usage:
    prompt = session.prompt_tokens
    return Usage(calls=1, prompt_tokens=prompt, completion_tokens=max(0, session.evaluated - prompt))
