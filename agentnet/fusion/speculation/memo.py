"""A session that knows some readings before it is asked for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from agentnet.errors import AgentNetError
from agentnet.fusion.speculation.drafts import sequences
from agentnet.fusion.tokenizer_view import SPACE, tokenizer_view
from agentnet.models.tokens import Argmax, GroupAdmission, LogitsRow, Reading, TokenVocabulary, TracingSession

if TYPE_CHECKING:
    from agentnet.fusion.speculation.speculation import Speculation

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ahead(Reading[tuple[T, int]], Generic[T]):
    """A reading, and the token with which the model itself would continue."""

    reading: Reading[T]
    own: Argmax

    def of(self, logits: LogitsRow) -> tuple[T, int]:
        return self.reading.of(logits), self.own.of(logits)


class SpeculativeSession:
    """A `TokenSession` over a `TracingSession`: it evaluates what its owner asks for together with what the owner will
    ask for if the text continues as drafted."""

    def __init__(self, inner: TracingSession, speculation: Speculation, *, bytewise: bool) -> None:
        self._inner, self._speculation, self.bytewise = inner, speculation, bytewise
        self.tokenizer = tokenizer_view(inner)
        self._own = Argmax(self.tokenizer.vocabulary.silent)
        self._known: dict[tuple[tuple[int, ...], Reading[Any]], tuple[Any, int]] = {}
        self.evaluations = 0
        """How often the model was asked."""
        self.last: tuple[int, ...] = ()
        """The tokens that the owner asked for last."""
        self.next: int | None = None
        """The token with which the model would continue behind these; None before the first step."""
        self.agreement = 1.0
        """How often the text continued as the model would have, lately: 0 … 1."""

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

    def close(self) -> None:
        self._inner.close()

    async def step(self, tokens: Sequence[int], reading: Reading[T]) -> T:
        asked = tuple(tokens)
        if (asked, reading) not in self._known:
            await self._evaluate(asked, self._foreseen(asked), reading)
        read, self.next = self._known[asked, reading]
        self.last = asked
        if self._speculation.drafts(self):
            await self._speculation.draft(self, reading)
        result: T = read
        return result

    async def follow(self, tokens: tuple[int, ...], reading: Reading[Any]) -> int | None:
        """Return the token with which the model would continue; None where it cannot be asked or would end the text."""
        if (tokens, reading) not in self._known:
            try:
                await self._evaluate(tokens, [], reading)
            except AgentNetError:
                return None
        own = self._known[tokens, reading][1]
        return None if self.vocabulary.ends(own) else own

    async def _evaluate(
        self, asked: tuple[int, ...], foreseen: Sequence[tuple[int, ...]], reading: Reading[Any]
    ) -> None:
        ahead = Ahead(reading, self._own)
        self.evaluations += 1
        if foreseen:
            wanted = [asked, *foreseen]
            for sequence, read in zip(wanted, await self._inner.trace(wanted, ahead), strict=True):
                if read is not None:
                    self._known[sequence, reading] = read
        else:
            self._known[asked, reading] = await self._inner.step(asked, ahead)

    def _foreseen(self, asked: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Return the tokens behind which readings will be wanted if the text continues as drafted."""
        said, draft = self._speculation.said, self._speculation.draft_text
        if draft is None or not draft.continues(said):
            return []
        own = self.tokenizer.retokenizer.text(asked)
        if own.lstrip(SPACE) != said.lstrip(SPACE):
            return []
        rest = draft.text[len(said) :]
        lead = b"" if said or own else self.leading_space
        stops = [stop - len(said) for stop in draft.stops if stop > len(said)]
        if self.bytewise:
            stops = list(range(1, len(rest) + 1))
        found = sequences(self.tokenizer, asked, lead + rest, [len(lead) + stop for stop in stops])
        return [tokens for tokens in dict.fromkeys(found) if tokens != asked]

    @property
    def leading_space(self) -> bytes:
        """What the model's own text begins with and the shared one does not, as far as is known."""
        return self._speculation.leading_space

    def forget(self) -> None:
        """Forget readings of a shorter text than the shared one."""
        length = len(self._speculation.said)
        text = self.tokenizer.retokenizer.text
        self._known = {known: read for known, read in self._known.items() if len(text(known[0])) >= length}
