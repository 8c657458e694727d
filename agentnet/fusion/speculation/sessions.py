"""A session that has readings before it is asked for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from agentnet.errors import AgentNetError
from agentnet.fusion.byte_vocabulary import SPACE
from agentnet.fusion.speculation.drafts import foreseen, spelled_out
from agentnet.fusion.tokenizer_view import tokenizer_view
from agentnet.models.tokens import Argmax, GroupAdmission, Reading, TokenVocabulary, TracingSession, WithOwn

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Known(Generic[T]):
    """A reading behind some tokens."""

    read: T
    own: int
    """The token with which the model would continue."""
    length: int
    """Bytes that the tokens say."""


class Drafting(Protocol):
    """What a session needs of the speculation that it takes part in."""

    said: bytes
    """The shared text so far."""

    def rest(self) -> tuple[bytes, list[int]] | None:
        """Return how the draft continues what was said, and where its pieces may end; None where there is no draft."""
        ...

    def ahead(self, session: SpeculativeSession, asked: tuple[int, ...]) -> int | None:
        """Return how many tokens a session is to run ahead of those it is asked for; None where it drafts nothing."""
        ...

    def drafted(self, session: SpeculativeSession, text: bytes) -> None:
        """Note with what a session would continue the tokens that it was asked for last."""
        ...


class SpeculativeSession:
    """A `TokenSession` over a `TracingSession`: together with the tokens that it is asked for, it evaluates those that
    it will be asked for if the text continues as drafted."""

    def __init__(self, inner: TracingSession, drafting: Drafting, *, bytewise: bool) -> None:
        """`bytewise` says that a piece is a byte."""
        self._inner, self._drafting, self._bytewise = inner, drafting, bytewise
        self.tokenizer = tokenizer_view(inner)
        self._own = Argmax(self.tokenizer.vocabulary.silent)
        self._known: dict[tuple[tuple[int, ...], Reading[Any]], _Known[Any]] = {}
        self.evaluations = 0
        """How often the model was asked: each time, some tokens are evaluated together."""
        self.last: tuple[int, ...] = ()
        """The tokens of the last step."""
        self.own: int | None = None
        """The token with which the model would continue behind them; None before the first step and after a failure."""
        self._spelled: tuple[tuple[int, ...], bytes] = (), b""
        """The tokens whose bytes were asked for last, and those bytes."""
        self.leading_space = b""
        """What precedes the shared text in the model's own: white space, see `LocalMember.view`."""

    @property
    def name(self) -> str:
        return self._inner.name

    @property
    def vocabulary(self) -> TokenVocabulary:
        return self._inner.vocabulary

    @property
    def prompt(self) -> tuple[int, ...]:
        return self._inner.prompt

    @prompt.setter
    def prompt(self, tokens: tuple[int, ...]) -> None:
        self._inner.prompt = tokens

    @property
    def prompt_tokens(self) -> int:
        return self._inner.prompt_tokens

    @property
    def evaluated(self) -> int:
        return self._inner.evaluated

    @property
    def admission(self) -> GroupAdmission | None:
        return self._inner.admission

    async def step(self, tokens: Sequence[int], reading: Reading[T]) -> T:
        asked, self.own = tuple(tokens), None
        ahead = self._drafting.ahead(self, asked)
        if ahead is not None:
            await self._run_ahead(asked, reading, ahead)
        elif (asked, reading) not in self._known:
            await self._evaluate(asked, self._foreseen(asked), reading)
        known: _Known[T] = self._known[asked, reading]
        self.last, self.own = asked, known.own
        if ahead is not None:
            text = self.tokenizer.retokenizer.text
            self._drafting.drafted(self, text(self._continued(asked, reading)[0][len(asked) :]))
        return known.read

    def forget(self) -> None:
        """Forget the readings behind texts that are shorter than the shared one."""
        length = len(self._drafting.said)
        self._known = {asked: known for asked, known in self._known.items() if known.length >= length}

    def close(self) -> None:
        self._inner.close()

    async def _evaluate(self, asked: tuple[int, ...], ahead: Sequence[tuple[int, ...]], reading: Reading[Any]) -> None:
        self.evaluations += 1
        with_own = WithOwn(reading, self._own)
        if not ahead:
            self._keep(asked, reading, await self._inner.step(asked, with_own))
            return
        sequences = [asked, *ahead]
        readings = await self._inner.trace(sequences, with_own)
        for tokens, read in zip(sequences, readings, strict=True):
            if read is not None:
                self._keep(tokens, reading, read)

    async def _run_ahead(self, asked: tuple[int, ...], reading: Reading[Any], count: int) -> None:
        """Evaluate the tokens with which the model itself would continue: `count` in all, with those that are known."""
        tokens, ended = self._continued(asked, reading)
        further = count - (len(tokens) - len(asked))
        if ended or further < 0:
            return
        try:
            readings = await self._inner.run_ahead(tokens, reading, self._own, further)
        except AgentNetError:
            if tokens == asked:
                raise
            return  # where the text gets there, the member's own step tells of it
        for read in readings:
            self.evaluations += 1
            self._keep(tokens, reading, read)
            tokens = (*tokens, read[1])

    def _continued(self, asked: tuple[int, ...], reading: Reading[Any]) -> tuple[tuple[int, ...], bool]:
        """Return the tokens with which the model would continue, as far as is known, and whether the text ends."""
        tokens = asked
        while (known := self._known.get((tokens, reading))) is not None:
            if self.vocabulary.ends(known.own):
                return tokens, True
            tokens = (*tokens, known.own)
        return tokens, False

    def _keep(self, tokens: tuple[int, ...], reading: Reading[Any], read: tuple[Any, int]) -> None:
        self._known[tokens, reading] = _Known(*read, length=len(self.text(tokens)))

    def _foreseen(self, asked: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Return the tokens that the session will be asked for, perhaps, if the text continues as drafted."""
        rest = self._drafting.rest()
        if rest is None or not self.speaks(asked):
            return []
        text, stops = rest
        if not self._drafting.said and not asked:
            text, stops = self.leading_space + text, [stop + len(self.leading_space) for stop in stops]
        if self._bytewise:
            found = spelled_out(self.tokenizer, asked, text)
        else:
            found = foreseen(self.tokenizer, asked, text, stops)
        return [tokens for tokens in dict.fromkeys(found) if tokens != asked]

    def speaks(self, tokens: Sequence[int]) -> bool:
        """Return whether tokens say the shared text."""
        return self.text(tokens).lstrip(SPACE) == self._drafting.said.lstrip(SPACE)

    def text(self, tokens: Sequence[int]) -> bytes:
        """Return the bytes of some tokens. Those that the tokens before began with, too, are not looked up again."""
        before, text = self._spelled
        tokens = tuple(tokens)
        common = min(len(before), len(tokens))
        while tokens[:common] != before[:common]:
            common -= 1
        spelled = self.tokenizer.vocabulary.spelled
        if further := sum(len(spelled(token)) for token in before[common:]):
            text = text[:-further]
        text += b"".join(map(spelled, tokens[common:]))
        self._spelled = tokens, text
        return text
