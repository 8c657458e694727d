"""Byte-level distributions against the sum over all token sequences, written out."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentnet.fusion.byte_level import BYTES, ByteDistribution
from agentnet.fusion.byte_vocabulary import END, ByteVocabulary
from agentnet.fusion.retokenizing import Retokenizer
from agentnet.fusion.strategies import Mean
from agentnet.fusion.views import View

VOCABULARY = [b"a", b"b", b"ab", b"ba", b"aba", b"\xc3", b"\xc3\xa9", b"\xa9", b"a", b""]
PIECES = ByteVocabulary(VOCABULARY, ends=[9])
"""With a token that is said by two, half a character, and words within words."""


OTHER = ByteVocabulary([b"a", b"b", b"aa", b"abb", b"", b""], ends=[4, 5])
"""Other pieces over the same bytes, and two ends."""


def conditional(seed: int, pieces: ByteVocabulary = PIECES, size: int = len(VOCABULARY)) -> Any:
    """A model without any regularity: the next piece depends on all tokens before it."""

    async def ask(tokens: Sequence[int]) -> Any:
        draw = np.random.default_rng([seed, *tokens])
        return pieces.logprobs(draw.normal(0, 2, size))

    return ask


async def by_enumeration(ask: Any, text: bytes, pieces: ByteVocabulary = PIECES) -> np.ndarray:
    """P(next byte | text): every token sequence that reaches beyond the text, or ends with it."""
    found = np.zeros(257)

    async def follow(tokens: tuple[int, ...], said: bytes, probability: float) -> None:
        shares = np.exp(await ask(tokens))
        for index, piece in enumerate(pieces.pieces):
            if piece is END:
                if said == text:
                    found[0] += probability * shares[index]
                continue
            now = said + piece
            if len(now) > len(text):
                if now.startswith(text):
                    found[1 + now[len(text)]] += probability * shares[index]
            elif text.startswith(now):
                await follow((*tokens, pieces.tokens[index]), now, probability * shares[index])

    await follow((), b"", 1.0)
    return found / found.sum()


@given(st.integers(0, 10**6), st.lists(st.sampled_from([b"a", b"b", b"\xc3\xa9"]), max_size=6))
@settings(max_examples=40, deadline=None)
async def test_exact_against_every_token_sequence(seed: int, characters: list[bytes]) -> None:
    ask, text = conditional(seed), b"".join(characters)
    model = ByteDistribution(PIECES, ask, negligible=0)
    for place in range(len(text)):
        assert math.fsum(np.exp(await model.next())) == pytest.approx(1)
        await model.append(text[place : place + 1])
    assert np.exp(await model.next()) == pytest.approx(await by_enumeration(ask, text), abs=1e-12)
    assert model.given_up == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("weight", [1.0, 0.25])
async def test_the_mixture_of_two_vocabularies_is_exact_on_every_short_text(weight: float) -> None:
    asks = [(PIECES, conditional(1)), (OTHER, conditional(2, OTHER, 6))]
    weights = np.array([1.0, weight]) / (1.0 + weight)
    for text in (bytes(letters) for size in range(5) for letters in itertools.product(b"ab", repeat=size)):
        views, expected = [], np.zeros(257)
        for (pieces, ask), share in zip(asks, weights, strict=True):
            model = ByteDistribution(pieces, ask, negligible=0)
            for byte in text:
                await model.append(bytes([byte]))
            logprobs = await model.next()
            views.append(View(str(len(views)), BYTES, logprobs, logprobs, weight=share, raw=False))
            expected += share * await by_enumeration(ask, text, pieces)
        choice = Mean().choose(views)
        assert choice.piece == BYTES.pieces[int(expected.argmax())]
        assert choice.score == pytest.approx(expected.max(), abs=1e-12)
        assert choice.runner_up_score == pytest.approx(np.sort(expected)[-2], abs=1e-12)


async def test_the_likeliest_byte_need_not_begin_the_likeliest_token() -> None:
    """What is said byte by byte is the likeliest reading of the text, not of one way to cut it. A whole token that all
    find likeliest is therefore not said at once: that would be another text, and no longer the exact distribution."""
    pieces = ByteVocabulary([b"Hello", b"The", b"This", b""], ends=[3])

    async def ask(tokens: Sequence[int]) -> Any:
        return np.log([0.2, 0.3, 0.25, 0.25])

    model = ByteDistribution(pieces, ask, negligible=0)
    first = np.exp(await model.next())
    assert pieces.pieces[int(np.argmax(await ask(())))] == b"Hello"
    assert BYTES.pieces[int(first.argmax())] == b"T"
    assert first.max() == pytest.approx(0.5)


async def test_giving_up_what_is_negligible_errs_by_no_more_than_is_said() -> None:
    ask, text = conditional(7), b"abababaabbab"
    exact, pruned = (ByteDistribution(PIECES, ask, negligible=share) for share in (0.0, 0.02))
    for place in range(len(text)):
        one, other = np.exp(await exact.next()), np.exp(await pruned.next())
        assert np.abs(one - other).sum() <= 4 * pruned.given_up + 1e-9
        for model in (exact, pruned):
            await model.append(text[place : place + 1])
    assert 0 < pruned.given_up < 0.5


async def test_a_byte_that_the_model_cannot_say_is_refused() -> None:
    model = ByteDistribution(PIECES, conditional(0))
    with pytest.raises(ValueError, match="no probability"):
        await model.append(b"z")


async def test_who_is_outvoted_in_the_middle_of_a_token_goes_on_from_the_text_as_it_is() -> None:
    """It was sure of `aba`: other ways to spell what was said are given up, and of those that are left none goes on."""

    async def sure(tokens: Sequence[int]) -> Any:
        row = np.full(len(VOCABULARY), -12.0)
        row[4 if not tokens else 1] = 0.0
        return PIECES.logprobs(row)

    retokenizer = Retokenizer("it", PIECES, VOCABULARY, lambda text: [])
    model = ByteDistribution(PIECES, sure, retokenize=retokenizer.append)
    await model.append(b"a")
    await model.append(b"b")
    assert np.exp(await model.next())[1 + ord("a")] > 0.99
    await model.append(b"b")
    assert model.retokenized == 1
    assert model.tokens == (2, 1)
    assert np.exp(await model.next()).argmax() == 1 + ord("b")
    assert math.fsum(np.exp(await model.next())) == pytest.approx(1)


def test_bytes_are_a_vocabulary() -> None:
    assert len(BYTES) == 257
    assert BYTES.pieces[0] is END
    assert [BYTES.indexes[bytes([value])] for value in range(256)] == list(range(1, 257))


@given(st.lists(st.binary(min_size=1, max_size=4), min_size=1, max_size=40), st.binary(max_size=3))
def test_what_begins_alike_lies_together(spelled: list[bytes], beginning: bytes) -> None:
    pieces = ByteVocabulary([*spelled, b""], ends=[len(spelled)])
    shares = np.random.default_rng(0).random(len(pieces))
    named = {piece: share for piece, share in zip(pieces.pieces, shares, strict=True) if piece is not END}
    mass = sum(share for piece, share in named.items() if piece.startswith(beginning))
    assert pieces.sorted.mass(shares, beginning) == pytest.approx(mass)
    following = np.zeros(256)
    for piece, share in named.items():
        if piece.startswith(beginning) and len(piece) > len(beginning):
            following[piece[len(beginning)]] += share
    assert pieces.sorted.next_bytes(shares, beginning) == pytest.approx(following)


def test_all_orders_of_bytes_are_found() -> None:
    spelled = [bytes(pair) for pair in itertools.product((0, 1, 254, 255), repeat=2)]
    pieces = ByteVocabulary([*spelled, b""], ends=[len(spelled)])
    for first in (0, 1, 254, 255):
        assert pieces.sorted.mass(np.ones(len(pieces)), bytes([first])) == 4
