'''Token access: how code outside of a model reads its next-token logits and chooses the token that follows.

::

    TokenStepper ──open_session(request)──▶ TokenSession ──step(tokens, reading)──▶ a LogitsRow, a token …
                                                 │  ├─ trace(sequences, reading): several at once (TracingSession)
                                                 │  └─ vocabulary: what tokens say      hold(sessions): let in together
                                                 └─ admission: which sessions may be decoded at the same time

A caller names what it wants of the logits as *data* (`Reading`), never as code. A session can therefore run its steps
on an engine's thread, or pass them on to another process. A backend implements `TokenStepper`, `TokenSession` and
`TokenVocabulary`; callers find out with ``isinstance(model, TokenStepper)``. The smallest implementation, without
weights::

    class Letters:
        """The vocabulary: two letters, and a token that ends the text."""

        size = 3

        def __init__(self):
            self.derived = {}

        def piece(self, token):
            return (b"a", b"b", b"")[token]

        def ends(self, token):
            return token == 2

        def tokens(self, text, *, begin, special=True):
            return ["ab".index(letter) for letter in text]


    class Session:
        """Says abab, then ends."""

        name, prompt, prompt_tokens, evaluated, admission = "abab", (), 0, 0, None

        def __init__(self, vocabulary):
            self.vocabulary = vocabulary

        async def step(self, tokens, reading):
            logits = np.zeros(3, np.float32)
            logits[len(tokens) % 2 if len(tokens) < 4 else 2] = 9.0
            return reading.of(logits)

        def close(self):
            """Nothing is held."""


    class Abab:
        """The model; its `generate`, `stream` and `close` are left out here."""

        def __init__(self):
            self._vocabulary = Letters()

        async def open_session(self, request):
            return Session(self._vocabulary)
'''

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar, runtime_checkable

from agentnet.contracts.usage import Usage
from agentnet.models.base import Request

if TYPE_CHECKING:  # models behind a server need no arrays
    import numpy as np
    from numpy.typing import NDArray

LogitsRow: TypeAlias = "NDArray[np.float32]"
"""The logits of every token behind one position: float32, shape (vocabulary,)."""

LogProbs: TypeAlias = "NDArray[np.float64]"
"""Natural log-probabilities, ``-inf`` for what cannot come next: float64, one-dimensional. What it is indexed by (the
tokens, the pieces of a `ByteVocabulary`) is said where it is used."""

T = TypeVar("T")


class Reading(ABC, Generic[T]):
    """What a step is to tell of the logits behind its last token: a value that can be sent to another process.

    `Row`, `Argmax` and `WithOwn` are all there are; every session answers them. Log-probabilities follow from a row,
    which is half as large.
    """

    @abstractmethod
    def of(self, logits: LogitsRow) -> T:
        """Return what is read. It never refers to the memory of `logits`, which the model may overwrite afterwards."""


@dataclass(frozen=True, slots=True)
class Row(Reading[LogitsRow]):
    """The whole row of logits."""

    def of(self, logits: LogitsRow) -> LogitsRow:
        return logits.copy()


@dataclass(frozen=True, slots=True)
class Argmax(Reading[int]):
    """The token with the greatest logit that is not `barred`; of equal ones, the one with the lowest number."""

    barred: frozenset[int] = frozenset()

    def of(self, logits: LogitsRow) -> int:
        token = int(logits.argmax())
        if token not in self.barred:
            return token
        allowed = logits.copy()
        allowed[list(self.barred)] = -float("inf")
        return int(allowed.argmax())


@dataclass(frozen=True, slots=True)
class WithOwn(Reading[tuple[T, int]], Generic[T]):
    """Another reading, and the model's `own` choice with it."""

    reading: Reading[T]
    own: Argmax

    def of(self, logits: LogitsRow) -> tuple[T, int]:
        return self.reading.of(logits), self.own.of(logits)


class TokenVocabulary(Protocol):
    """A model's tokens and what they say. Safe to use from any thread."""

    derived: dict[type, Any]
    """What others have made of this vocabulary, by its type: made once, and freed together with the vocabulary."""

    @property
    def size(self) -> int:
        """The number of tokens: they are 0 … size - 1."""
        ...

    def piece(self, token: int) -> bytes:
        """Return the bytes of one token, which need not be whole characters; none for a control token."""
        ...

    def ends(self, token: int) -> bool:
        """Return whether a token ends the reply. A model may have several such tokens."""
        ...

    def tokens(self, text: str, *, begin: bool, special: bool = True) -> list[int]:
        """Return the tokens of a text.

        `begin` lets the tokenizer open the text as it opens a prompt; `special` reads the names of control tokens as
        those tokens. Raises `ModelError`.
        """
        ...


class TokenSession(Protocol):
    """A sequence of tokens that its owner extends and cuts. One step at a time; close it when done.

    Between two steps the model may take the memory of a session, and reads its tokens again at the next one, unless the
    session is held (see `hold`).
    """

    prompt: tuple[int, ...]
    """What precedes the tokens of every step. The owner may append to it."""

    @property
    def name(self) -> str:
        """The model's name, for errors."""
        ...

    @property
    def vocabulary(self) -> TokenVocabulary:
        """The model's vocabulary: one object for all of the model's sessions."""
        ...

    @property
    def prompt_tokens(self) -> int:
        """Tokens of the prompt with which the session was opened."""
        ...

    @property
    def evaluated(self) -> int:
        """Tokens that the session's steps have put through the model, so far."""
        ...

    @property
    def admission(self) -> GroupAdmission | None:
        """What `hold` asks to let the session in; None where no session has to wait for another."""
        ...

    async def step(self, tokens: Sequence[int], reading: Reading[T]) -> T:
        """Bring the sequence to the prompt followed by `tokens`, and read the logits of what comes next.

        Only tokens that differ from those of the step before are evaluated. Raises `ModelError`, and `ContextOverflow`
        where the context has no room for that many tokens.
        """
        ...

    def close(self) -> None:
        """Give back what the model holds for the session. Closing twice is harmless."""
        ...


@runtime_checkable
class TracingSession(TokenSession, Protocol):
    """A session that evaluates several sequences of tokens at once, for little more than the time of one."""

    async def trace(self, sequences: Sequence[Sequence[int]], reading: Reading[T]) -> list[T | None]:
        """Read the logits behind the prompt followed by each of some sequences, at least one, in one evaluation.

        The readings come in the order of the sequences. The first one is always read, and the session continues from a
        sequence that begins with it; None stands for a sequence that there was no room for. A token that several
        sequences begin with is evaluated once. Raises like `step` for the first sequence.
        """
        ...

    async def run_ahead(
        self, tokens: Sequence[int], reading: Reading[T], own: Argmax, count: int
    ) -> list[tuple[T, int]]:
        """Read the logits behind `tokens`, and go on with the model's `own` choice, for up to `count` further tokens.

        Each reading comes with the choice behind it; no other reading follows a choice that ends the text, or one that
        there is no room for. Raises like `step` for `tokens`.
        """
        ...


class GroupAdmission(Protocol):
    """Lets groups of sessions in, each group as a whole: see `hold`."""

    order: str
    """Where it stands among the admissions that one group may need: the same in every process that asks it."""

    def hold(self, sessions: Sequence[Any]) -> AbstractAsyncContextManager[None]:
        """Wait until some sessions (whose `admission` this is) can be decoded together, and hold their slots."""
        ...


@runtime_checkable
class TokenStepper(Protocol):
    """A model whose next token can be chosen outside of it, with its next-token logits in sight."""

    async def open_session(self, request: Request) -> TokenSession:
        """Return a session that starts behind the prompt of a request. Raises `ModelError`."""
        ...


@asynccontextmanager
async def hold(sessions: Sequence[TokenSession]) -> AsyncIterator[None]:
    """Wait until all of some sessions can be decoded together, and keep their slots while the context lasts.

    Two groups that need the same models never wait for each other: an admission lets a group in as a whole, and groups
    that need several admissions enter them in the same order.
    """
    groups: dict[GroupAdmission, list[TokenSession]] = {}
    for session in sessions:
        if session.admission is not None:
            groups.setdefault(session.admission, []).append(session)
    async with AsyncExitStack() as stack:
        for admission in sorted(groups, key=lambda admission: admission.order):
            await stack.enter_async_context(admission.hold(groups[admission]))
        yield


@dataclass(frozen=True, slots=True)
class NextTokens:
    """The likeliest next tokens: what each says (None: the text ends) and its natural log-probability."""

    tokens: tuple[tuple[bytes | None, float], ...]
    usage: Usage


@runtime_checkable
class NextTokenSource(Protocol):
    """A model that tells its likeliest next tokens, and nothing of the others: typically one behind a server."""

    async def next_tokens(self, request: Request, said: str) -> NextTokens:
        """Return what may follow the prompt of a request and the text `said` since. Raises `ModelError`."""
        ...
