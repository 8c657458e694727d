"""Sessions of models in other processes: a `TokenSession` whose steps are taken by a node (see `frames`)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from agentnet.errors import BadResponse, ModelError
from agentnet.models.llama.prefix import common_prefix
from agentnet.models.node.connection import Connection, failure_of
from agentnet.models.node.frames import (
    MOST_BARS,
    MOST_ROWS,
    MOST_SEQUENCES,
    Atom,
    Bar,
    Failed,
    Held,
    Hold,
    Opened,
    Release,
    assembled,
    atoms,
    unpacked,
)
from agentnet.models.node.vocabulary import VOCABULARIES, NodeVocabulary
from agentnet.models.tokens import Argmax, Reading, Row, WithOwn

T = TypeVar("T")

FEW = 64
"""New tokens of a step that are evaluated in no time, unlike a prompt."""
PATIENCE = 10.0
"""Seconds that a node may take for a step with few new tokens."""


class NodeSession:
    """A `TokenSession` of a model on a node. Safe to use from the event loop that opened it.

    A node that does not keep to the protocol, does not answer in time, or is gone ends the session: every further step
    raises the same error.
    """

    def __init__(
        self,
        connection: Connection,
        opened: Opened,
        *,
        name: str,
        vocabulary: NodeVocabulary,
        admission: NodeAdmission,
        timeout: float,
    ) -> None:
        """`timeout` is how many seconds the node may take for a prompt, and for slots to be free."""
        self.name, self.vocabulary, self.admission = name, vocabulary, admission
        self.connection, self.timeout = connection, timeout
        self.id = opened.session
        self.prompt = opened.prompt
        self.prompt_tokens = len(opened.prompt)
        self.evaluated = 0
        self._number = 0
        self._base = list(opened.prompt)
        """The first sequence of the question before."""
        self._bars: dict[frozenset[int], int] = {}
        """Sets of barred tokens that the node knows by a number."""
        self.closed = False
        self._last: list[Callable[[], None]] = []
        VOCABULARIES.share(vocabulary)

    async def step(self, tokens: Sequence[int], reading: Reading[T]) -> T:
        (read,) = await self._ask([[*self.prompt, *tokens]], reading)
        result: T = read
        return result

    def at_the_end(self, call: Callable[[], None]) -> None:
        """Have something called when the session is closed."""
        self._last.append(call)

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.connection.close()
            VOCABULARIES.release(self.vocabulary)
            for call in self._last:
                call()

    async def _ask(self, sequences: list[list[int]], reading: Reading[Any], *, ahead: int | None = None) -> list[Any]:
        """Return the readings behind some whole sequences; None for those that the node had no room for.

        With `ahead` they are those behind one sequence and up to `ahead` further tokens, fewer where the text ends.
        """
        read = atoms(reading)
        bars = self._numbers(read)
        self._number += 1
        kept = [common_prefix(self._base, sequence, min(len(self._base), len(sequence))) for sequence in sequences]
        cuts = [{"keep": keep, "tokens": sequence[keep:]} for keep, sequence in zip(kept, sequences, strict=True)]
        new = len(sequences[0]) - kept[0]
        self._base = sequences[0]
        # An `Ask`, written without it: the checks of a value of our own would cost a step 50 µs.
        ask = {"kind": "ask", "number": self._number, "sequences": cuts, "read": bars, "ahead": ahead}
        self.connection.send(json.dumps(ask, separators=(",", ":")))
        first = self.evaluated == 0
        frame = await self.connection.frame(self.timeout if first or new > FEW else min(PATIENCE, self.timeout))
        if isinstance(frame, str):
            word = self.connection.read(frame)
            raise failure_of(word, self._where) if isinstance(word, Failed) else self._broken("a word for readings")
        most = len(sequences) if ahead is None else 1 + ahead
        try:
            evaluated, values = unpacked(frame, read, number=self._number, most=most, size=self.vocabulary.size)
        except BadResponse as error:
            raise self._broken(str(error)) from error
        if ahead is None and len(values) != len(sequences):
            raise self._broken("it has a reading for each sequence, or none at all")
        # A count is a claim: no more than everything that was asked for can have been evaluated.
        possible = self.evaluated + sum(map(len, sequences)) + (ahead or 0)
        self.evaluated = min(max(self.evaluated, evaluated), possible)
        return [None if value is None else assembled(reading, value) for value in values]

    def _numbers(self, read: Sequence[Row | Argmax]) -> tuple[Atom, ...]:
        """Return how a question says what is to be read; the node gets to know sets of barred tokens before it."""
        unknown = {atom.barred for atom in read if isinstance(atom, Argmax)} - self._bars.keys()
        if len(self._bars) + len(unknown) > MOST_BARS:
            self._bars.clear()
            unknown = {atom.barred for atom in read if isinstance(atom, Argmax)}
        for barred in unknown:
            number = self._bars[barred] = len(self._bars)
            self.connection.send(Bar(number=number, tokens=tuple(sorted(barred))).model_dump_json())
        return tuple(self._bars[atom.barred] if isinstance(atom, Argmax) else "row" for atom in read)

    def _broken(self, why: str) -> ModelError:
        return self.connection.broken(why)

    @property
    def _where(self) -> str:
        return self.connection.where


class TracingNodeSession(NodeSession):
    """A `TracingSession` of a model on a node."""

    async def trace(self, sequences: Sequence[Sequence[int]], reading: Reading[T]) -> list[T | None]:
        asked = [[*self.prompt, *sequence] for sequence in sequences[: self._most(reading)]]
        readings = await self._ask(asked, reading)
        return [*readings, *([None] * (len(sequences) - len(readings)))]

    async def run_ahead(
        self, tokens: Sequence[int], reading: Reading[T], own: Argmax, count: int
    ) -> list[tuple[T, int]]:
        both = WithOwn(reading, own)
        return await self._ask([[*self.prompt, *tokens]], both, ahead=min(count, self._most(both) - 1))

    def _most(self, reading: Reading[Any]) -> int:
        """Return how many readings one answer may have."""
        rows = sum(isinstance(atom, Row) for atom in atoms(reading))
        return max(1, min(MOST_SEQUENCES, MOST_ROWS // (4 * self.vocabulary.size * rows) if rows else MOST_SEQUENCES))


class NodeAdmission:
    """The `GroupAdmission` of another process: see `admission_of`."""

    def __init__(self, order: str) -> None:
        self.order = order

    @asynccontextmanager
    async def hold(self, sessions: Sequence[NodeSession]) -> AsyncIterator[None]:
        """Wait until the process has slots for some of its sessions, and keep them while the context lasts.

        A process that fails, or that has none for the sessions' `timeout`, is not waited for: their steps raise it.
        """
        speaker = sessions[0]
        with suppress(ModelError):
            speaker.connection.send(Hold(sessions=tuple(session.id for session in sessions)).model_dump_json())
            await speaker.connection.word(Held, speaker.timeout)
        try:
            yield
        finally:
            with suppress(ModelError):
                speaker.connection.send(Release().model_dump_json())


_ADMISSIONS: WeakValueDictionary[tuple[str, str], NodeAdmission] = WeakValueDictionary()


def admission_of(where: str, order: str) -> NodeAdmission:
    """Return the admission of a process: one object for all of its sessions, so that it lets in groups as a whole.

    `where` is the address at which the process says that its admission has this `order`.
    """
    admission = _ADMISSIONS.get((where, order))
    if admission is None:
        admission = _ADMISSIONS[where, order] = NodeAdmission(order)
    return admission
