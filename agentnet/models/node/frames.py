"""What a coordinator and a node say to each other about one session of tokens, over a WebSocket.

::

    coordinator                                node
    Open(member, messages)             ──▶
                                       ◀──  Opened(prompt, vocabulary, admission …)
    Hold(sessions)                     ──▶             waits until the sessions can be decoded together
                                       ◀──  Held()
    Ask(sequences, read)               ──▶             evaluates what is new
                                       ◀──  readings   (binary: see `packed`), or Failed(code, detail)
    Release(), or the end of the connection ──▶

Questions and words are JSON texts, readings are binary. One question at a time: the answer to one comes before the next
is asked. A sequence is said by what it shares with the first one of the question before (at the beginning: with the
prompt), so that a step costs a few bytes on the way there. Neither side trusts the other: every frame is bounded, every
number is checked.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
from pydantic import Field, TypeAdapter

from agentnet.contracts.base import WireModel
from agentnet.errors import BadResponse
from agentnet.models.tokens import Argmax, LogitsRow, Reading, Row, WithOwn

PATH = "/node/v1/tokens"
"""Of the WebSocket."""
VOCABULARY_PATH = "/node/v1/vocabulary"
"""Of the file of a member's vocabulary: GET, with the parameter `member`."""
MOST_ASKED = 2 * 2**20
"""Characters of one text on the way to a node."""
MOST_SAID = 6 * 2**20
"""Bytes of one frame on the way back: a prompt, or the rows of an answer."""
MOST_ROWS = 2**20
"""Bytes of the rows of one answer, unless it is a single row: rows that are read in advance must not be late."""
MOST_SEQUENCES = 64
"""Sequences of one question, and tokens that a node runs ahead."""
MOST_BARS = 8
"""Sets of barred tokens of one session."""
MOST_NUMBER = 2**31 - 1

Id: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{1,64}$")]
Token: TypeAlias = Annotated[int, Field(ge=0, le=MOST_NUMBER)]
Count: TypeAlias = Annotated[int, Field(ge=0, le=MOST_NUMBER)]
Atom: TypeAlias = Literal["row"] | Annotated[int, Field(ge=0, lt=MOST_BARS)]
"""One thing to read: the whole row, or the greatest token that is in none of a set of barred ones, by its number."""


class Said(WireModel):
    """A message of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


class Open(WireModel):
    """Open a session behind the prompt of these messages."""

    kind: Literal["open"] = "open"
    member: str = Field(max_length=64)
    messages: tuple[Said, ...] = Field(min_length=1, max_length=1024)
    priority: int = Field(default=0, ge=-100, le=100)


class Hold(WireModel):
    """Wait until these sessions of one process, this one among them, can be decoded together, and hold their slots."""

    kind: Literal["hold"] = "hold"
    sessions: tuple[Id, ...] = Field(min_length=1, max_length=64)


class Release(WireModel):
    """Give back the slots that are held. There is no answer."""

    kind: Literal["release"] = "release"


class Bar(WireModel):
    """Give a set of barred tokens a number, for the questions that follow. There is no answer."""

    kind: Literal["bar"] = "bar"
    number: int = Field(ge=0, lt=MOST_BARS)
    tokens: tuple[Token, ...] = Field(max_length=2**20)


class Cut(WireModel):
    """A sequence, prompt included: the first `keep` tokens of the one before, and some further ones."""

    keep: Count
    tokens: tuple[Token, ...] = Field(max_length=2**20)


class Ask(WireModel):
    """Read the logits behind each of some sequences; or behind one, and `ahead` tokens on, where that is given."""

    kind: Literal["ask"] = "ask"
    number: Count
    sequences: tuple[Cut, ...] = Field(min_length=1, max_length=MOST_SEQUENCES)
    read: tuple[Atom, ...] = Field(min_length=1, max_length=4)
    ahead: int | None = Field(default=None, ge=0, lt=MOST_SEQUENCES)


class Opened(WireModel):
    """A session is open."""

    kind: Literal["opened"] = "opened"
    session: Id = Field(description="its name for `Hold`, a secret of this connection")
    admission: Id = Field(description="of the process whose slots it needs: see `GroupAdmission.order`")
    prompt: tuple[Token, ...] = Field(min_length=1, max_length=2**20)
    vocabulary: str = Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the file of its vocabulary")
    traces: bool = Field(description="whether several sequences are evaluated at once")


class Held(WireModel):
    """The slots are held."""

    kind: Literal["held"] = "held"


class Failed(WireModel):
    """A question could not be answered. The session stays open, unless the connection is closed."""

    kind: Literal["failed"] = "failed"
    code: str = Field(max_length=40, description="of the error, as in `agentnet.errors`")
    detail: str = Field(max_length=2000)


Question: TypeAlias = Annotated[Open | Hold | Release | Bar | Ask, Field(discriminator="kind")]
Word: TypeAlias = Annotated[Opened | Held | Failed, Field(discriminator="kind")]
QUESTION: TypeAdapter[Question] = TypeAdapter(Question)
WORD: TypeAdapter[Word] = TypeAdapter(Word)


def atoms(reading: Reading[Any]) -> list[Row | Argmax]:
    """Return what a reading reads, in order, without how it is put together."""
    if isinstance(reading, WithOwn):
        return [*atoms(reading.reading), reading.own]
    assert isinstance(reading, Row | Argmax)
    return [reading]


def assembled(reading: Reading[Any], read: Sequence[Any]) -> Any:
    """Return the value of a reading from those of its `atoms`."""
    return (assembled(reading.reading, read[:-1]), read[-1]) if isinstance(reading, WithOwn) else read[0]


def values_of(reading: Reading[Any], read: Any) -> list[Any]:
    """Return the values of a reading's `atoms`: the opposite of `assembled`."""
    return [*values_of(reading.reading, read[0]), read[1]] if isinstance(reading, WithOwn) else [read]


_HEAD = struct.Struct("<IIQ")
"""The number of the question, how many readings follow, and the tokens that the session has evaluated so far."""


def packed(number: int, evaluated: int, readings: Sequence[Sequence[Any] | None]) -> bytes:
    """Return the answer to a question: the atoms of each reading; None where there was no room for a sequence.

    Behind the head come, as little-endian 32-bit numbers, one flag for each reading that says whether it is there, the
    tokens of all readings, and the rows of all readings.
    """
    there = [reading is not None for reading in readings]
    values = [value for reading in readings if reading is not None for value in reading]
    numbers = np.array([*there, *(value for value in values if not isinstance(value, np.ndarray))], "<i4")
    rows = [np.asarray(value, "<f4").data for value in values if isinstance(value, np.ndarray)]
    return b"".join([_HEAD.pack(number, len(readings), evaluated), numbers.data, *rows])


def unpacked(
    frame: bytes, read: Sequence[Row | Argmax], *, number: int, most: int, size: int
) -> tuple[int, list[list[Any] | None]]:
    """Return the evaluated tokens and the readings of an answer, of which there may be at most `most`.

    `read` are the atoms that were asked for, and `size` is the number of tokens of the vocabulary. Raises `BadResponse`
    for whatever a sound model would not say.
    """
    if len(frame) < _HEAD.size:
        raise BadResponse("an answer is too short")
    answered, count, evaluated = _HEAD.unpack_from(frame)
    if answered != number or not 0 < count <= most or len(frame) < _HEAD.size + 4 * count:
        raise BadResponse("an answer is none to what was asked")
    flags = np.frombuffer(frame, "<i4", count, _HEAD.size)
    there = flags.tolist()
    rows = sum(isinstance(atom, Row) for atom in read)
    present = there.count(1)
    tokens = present * (len(read) - rows)
    if present + there.count(0) != count or not there[0]:
        raise BadResponse("an answer is none to what was asked")
    if len(frame) != _HEAD.size + 4 * (count + tokens + present * rows * size):
        raise BadResponse("an answer has another length than it should")
    said = iter(np.frombuffer(frame, "<i4", tokens, _HEAD.size + 4 * count).tolist())
    start = _HEAD.size + 4 * (count + tokens)
    table = iter(np.frombuffer(frame, "<f4", offset=start).reshape(-1, size) if rows else ())
    readings = [
        [_checked(atom, next(table) if isinstance(atom, Row) else next(said), size) for atom in read] if flag else None
        for flag in there
    ]
    return evaluated, readings


def _checked(atom: Row | Argmax, value: Any, size: int) -> LogitsRow | int:
    if isinstance(atom, Row):
        row: LogitsRow = np.array(value, np.float32)
        if not np.isfinite(row.max()):  # NaN is the maximum of whatever it is among
            raise BadResponse("its logits are not numbers")
        return row
    if not 0 <= value < size or value in atom.barred:
        raise BadResponse("it names a token that there is not, or that was barred")
    token: int = value
    return token
