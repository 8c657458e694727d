"""Byte-level distributions against the sum over all token sequences, written out."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentnet.fusion.byte_level import ByteDistribution
from agentnet.fusion.byte_view import BYTES, ByteView
from agentnet.fusion.byte_vocabulary import END, ByteVocabulary, Piece, Probabilities
from agentnet.fusion.members import ByteMember
from agentnet.fusion.retokenizing import Retokenizer
from agentnet.fusion.strategies import Mean
from agentnet.fusion.token_weights import TokenWeights
from agentnet.models.tokens import LogitsRow, Reading

T = TypeVar("T")

VOCABULARY = [b"a", b"b", b"ab", b"ba", b"aba", b"\xc3", b"\xc3\xa9", b"\xa9", b"a", b""]
PIECES = ByteVocabulary(VOCABULARY, ends=[9])
"""With a token that is said by two, half a character, and words within words."""


OTHER = ByteVocabulary([b"a", b"b", b"aa", b"abb", b"", b""], ends=[4, 5])
"""Other pieces over the same bytes, and two ends."""


Ask = Callable[[Sequence[int]], LogitsRow]
"""From the tokens of a cover to the logits of the next token."""


def conditional(seed: int, pieces: ByteVocabulary = PIECES) -> Ask:
    """A model without any regularity: the next token depends on all tokens before it."""

    def ask(tokens: Sequence[int]) -> LogitsRow:
        draw = np.random.default_rng([seed, *tokens])
        return draw.normal(0, 2, pieces.size).astype(np.float32)

    return ask


def next_bytes(model: ByteDistribution, ask: Ask, pieces: ByteVocabulary = PIECES) -> Probabilities:
    read(model, ask, pieces)
    return model.next()


def append(model: ByteDistribution, ask: Ask, byte: bytes, pieces: ByteVocabulary = PIECES) -> None:
    read(model, ask, pieces)
    model.append(byte)


def read(model: ByteDistribution, ask: Ask, pieces: ByteVocabulary) -> None:
    for cover in model.unread:
        cover.weights = TokenWeights(pieces, ask(cover.tokens))


def shares_of(row: LogitsRow, pieces: ByteVocabulary) -> dict[Piece, float]:
    """The probability of each piece, in double precision but for the exponentials."""
    weights: dict[Piece, float] = {}
    for token, weight in enumerate(np.exp(row - row.max()).tolist()):
        if token not in pieces.silent:
            weights[pieces.piece(token)] = weights.get(pieces.piece(token), 0.0) + weight
    return {piece: weight / math.fsum(weights.values()) for piece, weight in weights.items()}


def by_enumeration(ask: Ask, text: bytes, pieces: ByteVocabulary = PIECES) -> Probabilities:
    """P(next byte | text): every token sequence that reaches beyond the text, or ends with it."""
    found = np.zeros(257)

    def follow(tokens: tuple[int, ...], said: bytes, probability: float) -> None:
        for piece, share in shares_of(ask(tokens), pieces).items():
            if piece is END:
                if said == text:
                    found[0] += probability * share
                continue
            now = said + piece
            if len(now) > len(text):
                if now.startswith(text):
                    found[1 + now[len(text)]] += probability * share
            elif text.startswith(now):
                token = pieces.token(piece)
                assert token is not None
                follow((*tokens, token), now, probability * share)

    follow((), b"", 1.0)
    probabilities: Probabilities = found / found.sum()
    return probabilities


@given(st.integers(0, 10**6), st.lists(st.sampled_from([b"a", b"b", b"\xc3\xa9"]), max_size=6))
@settings(max_examples=40, deadline=None)
def test_exact_against_every_token_sequence(seed: int, characters: list[bytes]) -> None:
    ask, text = conditional(seed), b"".join(characters)
    model = ByteDistribution(PIECES, negligible=0)
    for place in range(len(text)):
        assert math.fsum(next_bytes(model, ask)) == pytest.approx(1)
        append(model, ask, text[place : place + 1])
    assert next_bytes(model, ask) == pytest.approx(by_enumeration(ask, text), abs=1e-9)
    assert model.given_up == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("weight", [1.0, 0.25])
def test_the_mixture_of_two_vocabularies_is_exact_on_every_short_text(weight: float) -> None:
    asks = [(PIECES, conditional(1)), (OTHER, conditional(2, OTHER))]
    weights = np.array([1.0, weight]) / (1.0 + weight)
    for text in (bytes(letters) for size in range(5) for letters in itertools.product(b"ab", repeat=size)):
        views, expected = [], np.zeros(257)
        for (pieces, ask), share in zip(asks, weights, strict=True):
            model = ByteDistribution(pieces, negligible=0)
            for byte in text:
                append(model, ask, bytes([byte]), pieces)
            views.append(ByteView(str(len(views)), next_bytes(model, ask, pieces), weight=share))
            expected += share * by_enumeration(ask, text, pieces)
        choice = Mean().choose(views)
        assert choice.piece == BYTES[int(expected.argmax())]
        assert choice.score == pytest.approx(expected.max(), abs=1e-9)
        assert choice.runner_up_score == pytest.approx(np.sort(expected)[-2], abs=1e-9)


def test_an_unlikely_text_loses_no_precision() -> None:
    """Nine in ten million tokens would have to be said for it; what follows is as exact as behind a likely one."""
    pieces = ByteVocabulary([b"a", b"ba", b"bb", b"bc", b""], ends=[4])
    row = np.array([0.0, -40.0, -41.0, -42.0, -1.0], np.float32)
    model = ByteDistribution(pieces, negligible=0)
    append(model, lambda tokens: row, b"b", pieces)
    expected = np.exp([0.0, -1.0, -2.0]) / np.exp([0.0, -1.0, -2.0]).sum()
    assert next_bytes(model, lambda tokens: row, pieces)[1 + ord("a") : 4 + ord("a")] == pytest.approx(
        expected, rel=1e-6
    )


def test_the_likeliest_byte_need_not_begin_the_likeliest_token() -> None:
    """What is said byte by byte is the likeliest reading of the text, not of one way to cut it. A whole token that all
    find likeliest is therefore not said at once: that would be another text, and no longer the exact distribution."""
    pieces = ByteVocabulary([b"Hello", b"The", b"This", b""], ends=[3])
    row = np.log([0.25, 0.22, 0.21, 0.32]).astype(np.float32)
    first = next_bytes(ByteDistribution(pieces, negligible=0), lambda tokens: row, pieces)
    assert pieces.piece(int(row[:3].argmax())) == b"Hello"
    assert BYTES[int(first.argmax())] == b"T"
    assert first.max() == pytest.approx(0.43)


def test_giving_up_what_is_negligible_errs_by_no_more_than_is_said() -> None:
    ask, text = conditional(7), b"abababaabbab"
    exact, pruned = (ByteDistribution(PIECES, negligible=share) for share in (0.0, 0.02))
    for place in range(len(text)):
        one, other = next_bytes(exact, ask), next_bytes(pruned, ask)
        assert np.abs(one - other).sum() <= 4 * pruned.given_up + 1e-9
        for model in (exact, pruned):
            append(model, ask, text[place : place + 1])
    assert 0 < pruned.given_up < 0.5


def test_a_byte_that_the_model_cannot_say_is_refused() -> None:
    with pytest.raises(ValueError, match="no probability"):
        append(ByteDistribution(PIECES), conditional(0), b"z")


def test_who_is_outvoted_in_the_middle_of_a_token_goes_on_from_the_text_as_it_is() -> None:
    """It was sure of `aba`: other ways to spell what was said are given up, and of those that are left none goes on."""

    def sure(tokens: Sequence[int]) -> LogitsRow:
        row = np.full(len(VOCABULARY), -12.0, np.float32)
        row[4 if not tokens else 1] = 0.0
        return row

    retokenizer = Retokenizer("it", PIECES, lambda text: [])
    model = ByteDistribution(PIECES, retokenize=retokenizer.append)
    append(model, sure, b"a")
    append(model, sure, b"b")
    assert next_bytes(model, sure)[1 + ord("a")] > 0.99
    append(model, sure, b"b")
    assert model.retokenized == 1
    assert model.tokens == (2, 1)
    assert next_bytes(model, sure).argmax() == 1 + ord("b")
    assert math.fsum(next_bytes(model, sure)) == pytest.approx(1)


async def test_within_a_token_nothing_is_asked() -> None:
    """A byte whose weights are known takes no evaluation, and no turn of the event loop."""
    text = b"ababababab"
    session = Counting(text)
    member = ByteMember("it", session)
    await member.view()
    assert session.steps == 1
    for place in range(len(text) - 1):
        assert member.view_at_once([text[place : place + 1]]) is not None
    backlog = [text[-1:]]
    assert member.view_at_once(backlog) is None
    assert backlog == []
    assert (await member.view()).likeliest.piece is END
    assert session.steps == 2


class Counting:
    """A session of a model that says one token and ends."""

    name, prompt, prompt_tokens, evaluated, admission = "it", (), 0, 0, None

    def __init__(self, text: bytes) -> None:
        self.vocabulary = Three(text)
        self.steps = 0

    async def step(self, tokens: Sequence[int], reading: Reading[T]) -> T:
        self.steps += 1
        row = np.zeros(3, np.float32)
        row[1 if tokens else 0] = 20.0
        return reading.of(row)

    def close(self) -> None:
        """Nothing is held."""


class Three:
    """A text as one token, an end, and a letter."""

    size = 3

    def __init__(self, text: bytes) -> None:
        self._text = text
        self.derived: dict[type, Any] = {}

    def piece(self, token: int) -> bytes:
        return (self._text, b"", b"a")[token]

    def ends(self, token: int) -> bool:
        return token == 1

    def tokens(self, text: str, *, begin: bool, special: bool = True) -> list[int]:
        return [2] * len(text)


def test_bytes_are_a_vocabulary() -> None:
    assert BYTES[0] is END
    assert [BYTES.index(bytes([value])) for value in range(256)] == list(range(1, 257))


@given(st.lists(st.binary(min_size=1, max_size=4), min_size=1, max_size=40), st.binary(max_size=3))
def test_what_begins_alike_lies_together(spelled: list[bytes], text: bytes) -> None:
    pieces = ByteVocabulary([*spelled, b""], ends=[len(spelled)])
    row = np.random.default_rng(0).random(pieces.size).astype(np.float32)
    weights, beginning = TokenWeights(pieces, row), pieces.beginning(text)
    shares = dict.fromkeys(range(256), 0.0)
    alone = 0.0
    for piece, weight in zip(spelled, np.exp(row - row.max()).tolist(), strict=False):
        if piece == text:
            alone += weight
        elif piece.startswith(text):
            shares[piece[len(text)]] += weight
    assert weights.alone(beginning) == pytest.approx(alone)
    assert beginning.following.tolist() == [byte for byte, share in shares.items() if share]
    assert weights.following(beginning).tolist() == pytest.approx([share for share in shares.values() if share])


def test_all_orders_of_bytes_are_found() -> None:
    spelled = [bytes(pair) for pair in itertools.product((0, 1, 254, 255), repeat=2)]
    pieces = ByteVocabulary([*spelled, b""], ends=[len(spelled)])
    weights = TokenWeights(pieces, np.zeros(pieces.size, np.float32))
    for first in (0, 1, 254, 255):
        beginning = pieces.beginning(bytes([first]))
        assert weights.following(beginning).tolist() == [1, 1, 1, 1]
        assert beginning.following.tolist() == [0, 1, 254, 255]
