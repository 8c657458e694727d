"""A vocabulary by what its tokens say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agentnet.errors import ModelError
from agentnet.fusion.byte_vocabulary import END, ByteVocabulary, Piece

EDGY = st.binary(max_size=3) | st.lists(st.sampled_from([0, 97, 254, 255]), max_size=3).map(bytes)
quiet = settings(deadline=None)


def said_by(spelled: list[bytes], ends: set[int]) -> dict[Piece, list[int]]:
    """Piece → the tokens that say it; control tokens say nothing."""
    found: dict[Piece, list[int]] = {}
    for token, piece in enumerate(spelled):
        if token in ends or piece:
            found.setdefault(END if token in ends else piece, []).append(token)
    return found


@given(spelled=st.lists(EDGY, min_size=1, max_size=30), data=st.data())
@quiet
def test_tokens_that_say_the_same_are_one_outcome_and_all_ends_are_one(
    spelled: list[bytes], data: st.DataObject
) -> None:
    ends = data.draw(st.sets(st.integers(0, len(spelled) - 1), min_size=1))
    row = np.random.default_rng(data.draw(st.integers(0, 99))).normal(0, 3, len(spelled)).astype(np.float32)
    pieces, said = ByteVocabulary(spelled, ends), said_by(spelled, ends)
    assert set(pieces.pieces) == set(said)
    assert len(pieces) == len(said)
    logits, logprobs = pieces.read(row)
    assert np.exp(logprobs).sum() == pytest.approx(1)
    whole = math.fsum(math.exp(row[token]) for tokens in said.values() for token in tokens)
    for piece, tokens in said.items():
        index = pieces.indexes[piece]
        assert logits[index] == max(row[token] for token in tokens)
        assert math.exp(logprobs[index]) == pytest.approx(math.fsum(math.exp(row[t]) for t in tokens) / whole)
    assert pieces.likeliest(row) == max((t for tokens in said.values() for t in tokens), key=lambda token: row[token])


@given(spelled=st.lists(EDGY, min_size=1, max_size=30), beginning=EDGY)
@quiet
def test_a_span_holds_exactly_the_pieces_that_begin_so(spelled: list[bytes], beginning: bytes) -> None:
    assume(any(spelled))
    pieces = ByteVocabulary([*spelled, b""], ends=[len(spelled)])
    indexes = pieces.sorted.order[pieces.sorted.span(beginning)]
    assert {pieces.pieces[index] for index in indexes} == {one for one in spelled if one and one.startswith(beginning)}


@pytest.mark.parametrize("broken", [np.nan, np.inf])
@pytest.mark.parametrize("token", [0, 1, 2, 3])
def test_logits_that_are_no_numbers_are_an_error(broken: float, token: int) -> None:
    pieces = ByteVocabulary([b"a", b"b", b"a", b""], ends=[3])
    row = np.zeros(4, np.float32)
    row[token] = broken
    with pytest.raises(ModelError, match="not numbers"):
        pieces.read(row)
    with pytest.raises(ModelError, match="not numbers"):
        pieces.read(np.full(4, -np.inf, np.float32))


def test_what_cannot_be_said_has_no_probability() -> None:
    pieces = ByteVocabulary([b"a", b"b", b""], ends=[2])
    logits, logprobs = pieces.read(np.array([0.0, -np.inf, 0.0], np.float32))
    assert np.exp(logprobs).tolist() == pytest.approx([0.5, 0.5, 0.0])
    assert logits.tolist() == [0.0, 0.0, -math.inf]
