"""A session that has readings before it is asked for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from agentnet.errors import AgentNetError
from agentnet.fusion.byte_vocabulary import SPACE
from agentnet.fusion.speculation.drafts import foreseen
from agentnet.fusion.tokenizer_view import tokenizer_view
from agentnet.models.tokens import Argmax, GroupAdmission, LogitsRow, Reading, TokenVocabulary, TracingSession

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WithOwn(Reading[tuple[T, int]], Generic[T]):
    """A reading, and the token with which the model itself would continue."""

    reading: Reading[T]
    own: Argmax

    def of(self, logits: LogitsRow) -> tuple[T, int]:
        return self.reading.of(logits), self.own.of(logits)


class Drafting(Protocol):
    """What a session needs of the speculation that it takes part in."""

    said: bytes
    """The shared text so far."""

    def rest(self) -> tuple[bytes, list[int]] | None:
        """Return how the draft continues what was said, and where its pieces may end; None where there is no draft."""
        ...

    async def answered(self, session: SpeculativeSession, reading: Reading[Any]) -> None:
        """Note that a session has the reading it was asked for."""
        ...


class SpeculativeSession:
    """A `TokenSession` over a `TracingSession`: together with the tokens that it is asked for, it evaluates those that
    it will be asked for if the text continues as drafted."""

    def __init__(self, inner: TracingSession, drafting: Drafting, *, bytewise: bool) -> None:
        """`bytewise` says that a piece is a byte."""
        self._inner, self._drafting, self._bytewise = inner, drafting, bytewise
        self.tokenizer = tokenizer_view(inner)
        self._own = Argmax(self.tokenizer.vocabulary.silent)
        self._known: dict[tuple[tuple[int, ...], Reading[Any]], tuple[Any, int]] = {}
        self.evaluations = 0
        """How often the model was asked: each time, some tokens are evaluated together."""
        self.last: tuple[int, ...] = ()
        """The tokens of the last step."""
        self.own: int | None = None
        """The token with which the model would continue behind them; None before the first step and after a failure."""
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
        if (asked, reading) not in self._known:
            await self._evaluate(asked, self._foreseen(asked), reading)
        result: T
        result, self.own = self._known[asked, reading]
        self.last = asked
        await self._drafting.answered(self, reading)
        return result

    async def run_ahead(self, tokens: tuple[int, ...], reading: Reading[Any]) -> int | None:
        """Return the token with which the model would continue; None where it would end the text or cannot be asked."""
        if (tokens, reading) not in self._known:
            try:
                await self._evaluate(tokens, [], reading)
            except AgentNetError:  # where the text gets here, the member's own step tells of it
                return None
        own = self._known[tokens, reading][1]
        return None if self.vocabulary.ends(own) else own

    def forget(self) -> None:
        """Forget the readings behind texts that are shorter than the shared one."""
        text, length = self.tokenizer.retokenizer.text, len(self._drafting.said)
        self._known = {key: read for key, read in self._known.items() if len(text(key[0])) >= length}

    def close(self) -> None:
        self._inner.close()

    async def _evaluate(self, asked: tuple[int, ...], ahead: Sequence[tuple[int, ...]], reading: Reading[Any]) -> None:
        reading_and_own = WithOwn(reading, self._own)
        self.evaluations += 1
        if ahead:
            sequences = [asked, *ahead]
            readings = await self._inner.trace(sequences, reading_and_own)
            for tokens, read in zip(sequences, readings, strict=True):
                if read is not None:
                    self._known[tokens, reading] = read
        else:
            self._known[asked, reading] = await self._inner.step(asked, reading_and_own)

    def _foreseen(self, asked: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Return the tokens that the session will be asked for, perhaps, if the text continues as drafted."""
        rest = self._drafting.rest()
        if rest is None or not self.speaks(asked):
            return []
        text, stops = rest
        if not self._drafting.said and not asked:
            text, stops = self.leading_space + text, [stop + len(self.leading_space) for stop in stops]
        found = foreseen(self.tokenizer, asked, text, range(1, len(text) + 1) if self._bytewise else stops)
        return [tokens for tokens in dict.fromkeys(found) if tokens != asked]

    def speaks(self, tokens: Sequence[int]) -> bool:
        """Return whether tokens say the shared text."""
        return self.tokenizer.retokenizer.text(tokens).lstrip(SPACE) == self._drafting.said.lstrip(SPACE)
