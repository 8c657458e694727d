"""A vocabulary by what its tokens say."""

from __future__ import annotations

import tracemalloc

from hypothesis import given, settings
from hypothesis import strategies as st

from agentnet.fusion.byte_vocabulary import END, ByteVocabulary, Piece, WithoutLeadingSpace

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
    pieces, said = ByteVocabulary(spelled, ends), said_by(spelled, ends)
    for piece, tokens in said.items():
        assert list(pieces.tokens(piece)) == tokens
        assert pieces.token(piece) == (min(tokens) if piece is END else max(tokens))
        for token in tokens:
            assert pieces.piece(token) == piece
            assert pieces.alone(token) == (len(tokens) == 1)
    assert pieces.silent == set(range(len(spelled))).difference(*said.values())
    assert all(pieces.tokens(piece) == () for piece in (b"", b"none of them") if piece not in said)


@given(spelled=st.lists(EDGY, min_size=1, max_size=30), text=EDGY)
@quiet
def test_a_beginning_has_exactly_the_tokens_that_begin_so(spelled: list[bytes], text: bytes) -> None:
    pieces = ByteVocabulary([*spelled, b""], ends=[len(spelled)])
    found = pieces.beginning(text)
    tokens = pieces.order[found.low : found.high].tolist()
    assert sorted(tokens) == [token for token, piece in enumerate(spelled) if piece and piece.startswith(text)]
    assert list(found.tokens) == [token for token, piece in enumerate(spelled) if piece and piece == text]
    assert found.following.tolist() == sorted({spelled[token][len(text)] for token in tokens[found.alone :]})
    bounds = [*found.starts.tolist(), len(tokens)]
    for byte, start, end in zip(found.following.tolist(), bounds, bounds[1:], strict=False):
        assert {spelled[token][len(text)] for token in tokens[start:end]} == {byte}


@given(spelled=st.lists(EDGY, min_size=1, max_size=30), text=st.binary(min_size=1, max_size=6))
@quiet
def test_the_longest_piece_is_matched(spelled: list[bytes], text: bytes) -> None:
    pieces = ByteVocabulary(spelled, ends=[])
    fitting = [piece for piece in spelled if piece and text.startswith(piece)]
    match = pieces.longest_match(text, 0)
    assert match == ((pieces.token(max(fitting, key=len)), max(map(len, fitting))) if fitting else None)


@given(st.lists(EDGY, max_size=6), st.lists(EDGY, max_size=6), st.integers(0, 2))
@quiet
def test_vocabularies_are_the_same_where_their_pieces_are(one: list[bytes], other: list[bytes], silent: int) -> None:
    """Whatever their order, and however many tokens say nothing: files of one family are padded differently."""
    first, second = (
        ByteVocabulary([*one, b""], [len(one)]),
        ByteVocabulary([*other, *[b""] * silent, b""], [len(other)]),
    )
    assert first.same_as(second) == (set(one) - {b""} == set(other) - {b""})
    assert not first.same_as(ByteVocabulary(one, []))


def test_a_large_vocabulary_keeps_no_object_for_each_token() -> None:
    """What is kept of a token: its bytes, an offset, its place in the order, and a key."""
    spelled = [b"%d" % token for token in range(50_000)]
    tracemalloc.start()
    try:
        pieces = ByteVocabulary(iter(spelled), [0])
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(pieces.order) == 49_999
    assert kept < 50_000 * 30


@given(st.lists(EDGY, min_size=1, max_size=30), EDGY)
@quiet
def test_without_its_leading_space_a_first_word_is_one(spelled: list[bytes], piece: bytes) -> None:
    spelled = [bytes(32 if value == 97 else value for value in one) for one in spelled]
    pieces = WithoutLeadingSpace(ByteVocabulary([*spelled, b""], [len(spelled)]))
    said = [token for token, one in enumerate(spelled) if one.removeprefix(b" ") == piece]
    assert sorted(pieces.tokens(piece)) == (said if piece else [])
    assert pieces.tokens(END) == (len(spelled),)
    assert all(pieces.piece(token) == piece for token in said)
    assert pieces.silent == {token for token, one in enumerate(spelled) if not one.removeprefix(b" ")}
