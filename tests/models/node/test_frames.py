"""Readings survive their way over the wire bit by bit, and nothing that is no reading passes for one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from agentnet.errors import BadResponse
from agentnet.models.node.frames import QUESTION, WORD, assembled, atoms, packed, unpacked, values_of
from agentnet.models.tokens import Argmax, Reading, Row, WithOwn

SIZE = 7
NUMBERS = st.floats(width=32, allow_nan=False, allow_infinity=False)
ROWS = st.lists(NUMBERS, min_size=SIZE, max_size=SIZE).map(lambda row: np.array(row, np.float32))
READINGS: list[Reading[Any]] = [
    Row(),
    Argmax(),
    WithOwn(Row(), Argmax()),
    WithOwn(Argmax(frozenset({1})), Argmax(frozenset({2}))),
    WithOwn(WithOwn(Row(), Argmax()), Argmax(frozenset({3}))),
]


@given(st.sampled_from(READINGS), st.lists(st.none() | ROWS, max_size=5), ROWS, st.integers(0, 2**60))
def test_readings_come_as_they_were_sent(
    reading: Reading[Any], others: list[np.ndarray | None], first: np.ndarray, evaluated: int
) -> None:
    read = [None if row is None else reading.of(row) for row in [first, *others]]
    frame = packed(3, evaluated, [None if one is None else values_of(reading, one) for one in read])
    counted, values = unpacked(frame, atoms(reading), number=3, most=len(read), size=SIZE)
    assert counted == evaluated
    found = [None if value is None else assembled(reading, value) for value in values]
    assert [_bits(one) for one in found] == [_bits(one) for one in read]


def _bits(read: Any) -> Any:
    if isinstance(read, tuple):
        return tuple(map(_bits, read))
    return read.tobytes() if isinstance(read, np.ndarray) else read


FRAME = packed(1, 9, [[np.arange(SIZE, dtype=np.float32), 5]])


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        FRAME[:15],
        FRAME[:-1],
        FRAME + b"\0",
        FRAME[:4] + b"\xff\xff\xff\xff" + FRAME[8:],
        FRAME[:4] + b"\0\0\0\0" + FRAME[8:],
        packed(2, 9, [[np.arange(SIZE, dtype=np.float32), 5]]),
        packed(1, 9, [None]),
        packed(1, 9, [[np.arange(SIZE, dtype=np.float32), 5]] * 3),
        packed(1, 9, [[np.arange(SIZE + 1, dtype=np.float32), 5]]),
        packed(1, 9, [[np.arange(SIZE, dtype=np.float32), SIZE]]),
        packed(1, 9, [[np.arange(SIZE, dtype=np.float32), -1]]),
        packed(1, 9, [[np.arange(SIZE, dtype=np.float32), 4]]),
        packed(1, 9, [[np.full(SIZE, np.nan, np.float32), 5]]),
        packed(1, 9, [[np.array([0, 0, 0, np.nan, 0, 0, 0], np.float32), 5]]),
        packed(1, 9, [[np.array([0, 0, 0, np.inf, 0, 0, 0], np.float32), 5]]),
        packed(1, 9, [[np.full(SIZE, -np.inf, np.float32), 5]]),
    ],
    ids=range(17),
)
def test_what_is_no_reading_is_refused(frame: bytes) -> None:
    reading = atoms(WithOwn(Row(), Argmax(frozenset({4}))))
    with pytest.raises(BadResponse):
        unpacked(frame, reading, number=1, most=2, size=SIZE)
    assert unpacked(FRAME, reading, number=1, most=2, size=SIZE)[0] == 9


@given(st.binary(max_size=200))
def test_any_bytes_are_a_reading_or_refused(frame: bytes) -> None:
    try:
        _, values = unpacked(frame, [Row(), Argmax()], number=1, most=3, size=SIZE)
    except BadResponse:
        return
    assert values[0] is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"kind": "open"}',
        '{"kind": "open", "member": "a", "messages": []}',
        '{"kind": "open", "member": "a", "messages": [{"role": "tool", "content": ""}]}',
        '{"kind": "ask", "number": 1, "sequences": [], "read": ["row"]}',
        '{"kind": "ask", "number": 1, "sequences": [{"keep": -1, "tokens": []}], "read": ["row"]}',
        '{"kind": "ask", "number": 1, "sequences": [{"keep": 1, "tokens": [-1]}], "read": ["row"]}',
        '{"kind": "ask", "number": 1, "sequences": [{"keep": 1, "tokens": [1.5]}], "read": ["row"]}',
        '{"kind": "ask", "number": 1, "sequences": [{"keep": 1, "tokens": [1]}], "read": ["column"]}',
        '{"kind": "ask", "number": 1, "sequences": [{"keep": 1, "tokens": [1]}], "read": [99]}',
        '{"kind": "ask", "number": 1, "sequences": [{"keep": 1, "tokens": [1]}], "read": ["row"], "ahead": 1000}',
        '{"kind": "hold", "sessions": ["../x"]}',
        '{"kind": "bar", "number": 8, "tokens": []}',
    ],
)
def test_what_is_no_question_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        QUESTION.validate_json(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"kind": "opened"}',
        '{"kind": "failed", "code": "x", "detail": "' + "x" * 3000 + '"}',
        '{"kind": "open", "member": "a", "messages": [{"role": "user", "content": ""}]}',
    ],
)
def test_what_is_no_word_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        WORD.validate_json(text)
