"""A row of logits is ranked as if it had been sorted."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentnet.errors import ModelError
from agentnet.fusion.byte_vocabulary import END, ByteVocabulary, Piece, Pieces, WithoutLeadingSpace
from agentnet.fusion.logits_view import LogitsView
from agentnet.fusion.ranking import Ranking
from agentnet.fusion.token_weights import TokenWeights
from agentnet.models.tokens import LogitsRow
from tests.fusion.test_byte_vocabulary import EDGY

quiet = settings(deadline=None)


def by_sorting(row: LogitsRow, count: int, barred: set[int]) -> list[int]:
    possible = [token for token in range(len(row)) if token not in barred and row[token] > -math.inf]
    return sorted(possible, key=lambda token: (-row[token], token))[:count]


@given(
    size=st.sampled_from([1, 5, 127, 128, 129, 4097, 20_000]),
    levels=st.sampled_from([1, 2, 50, 10**6]),
    count=st.sampled_from([1, 2, 16, 100, 5000]),
    seed=st.integers(0, 99),
)
@quiet
def test_the_greatest_tokens_are_those_of_a_sorted_row(size: int, levels: int, count: int, seed: int) -> None:
    """Also where many logits are equal, and where some are impossible."""
    draw = np.random.default_rng(seed)
    row = draw.integers(0, levels, size).astype(np.float32) / 7
    row[draw.integers(0, size, size // 3)] = -np.inf
    row[0] = 1.0
    barred = set(draw.integers(1, size, 3).tolist()) if size > 1 else set()
    ranking = Ranking(row.copy(), barred)
    tokens, logits = ranking.greatest(count)
    assert tokens == by_sorting(row, count, barred)
    assert logits == [row[token] for token in tokens]
    rest = np.delete(row, list(barred)).astype(np.float64)
    assert ranking.logsumexp == pytest.approx(np.logaddexp.reduce(rest), abs=1e-5)


@pytest.mark.parametrize("broken", [np.nan, np.inf])
@pytest.mark.parametrize("token", [0, 1, 2, 3])
def test_logits_that_are_no_numbers_are_an_error(broken: float, token: int) -> None:
    pieces = ByteVocabulary([b"a", b"b", b"a", b""], ends=[3])
    row = np.zeros(4, np.float32)
    row[token] = broken
    for bad in (row, np.full(4, -np.inf, np.float32)):
        with pytest.raises(ModelError, match="not numbers"):
            Ranking(bad)
        with pytest.raises(ModelError, match="not numbers"):
            TokenWeights(pieces, bad)
    assert Ranking(row, {token}).greatest(1)[1] == [0.0]


def expected(row: LogitsRow, pieces: ByteVocabulary, spaced: bool) -> dict[Piece, tuple[float, float]]:
    """Each piece's greatest logit, and its probability."""
    found: dict[Piece, list[float]] = {}
    for token in range(pieces.size):
        piece = pieces.piece(token)
        if spaced and piece is not END:
            piece = piece.removeprefix(b" ")
        if piece != b"":
            found.setdefault(piece, []).append(float(row[token]))
    whole = math.fsum(math.exp(logit) for logits in found.values() for logit in logits)
    return {
        piece: (max(logits), math.fsum(math.exp(logit) for logit in logits) / whole) for piece, logits in found.items()
    }


@given(
    spelled=st.lists(EDGY | st.sampled_from([b" ", b" a", b"a", b"  a"]), min_size=1, max_size=300),
    ends=st.integers(1, 3),
    count=st.integers(1, 60),
    seed=st.integers(0, 99),
    spaced=st.booleans(),
)
@quiet
def test_a_view_ranks_pieces_by_what_all_their_tokens_say(
    spelled: list[bytes], ends: int, count: int, seed: int, spaced: bool
) -> None:
    base = ByteVocabulary([*spelled, *[b""] * ends], range(len(spelled), len(spelled) + ends))
    pieces: Pieces = WithoutLeadingSpace(base) if spaced else base
    row = np.random.default_rng(seed).normal(0, 2, base.size).astype(np.float32)
    view = LogitsView("it", pieces, Ranking(row.copy(), pieces.silent))
    shares = expected(row, base, spaced)
    best = sorted((share for _, share in shares.values()), reverse=True)[:count]
    top = view.top(count)
    assert [math.exp(candidate.logprob) for candidate in top] == pytest.approx(best, rel=1e-5)
    assert len({candidate.piece for candidate in top}) == len(top)
    for candidate in (*top, view.candidate(END)):
        assert candidate is not None
        logit, share = shares[candidate.piece]
        assert candidate.logit == logit
        assert math.exp(candidate.logprob) == pytest.approx(share, rel=1e-5)
        assert view.candidate(candidate.piece) == pytest.approx(candidate)
    assert view.candidate(b"nothing says this") is None


def test_a_piece_of_many_unlikely_tokens_may_be_the_likeliest() -> None:
    """None of its tokens is among those that are looked at first."""
    words = [b"w%d" % number for number in range(400)]
    pieces = ByteVocabulary([*words, *[b"x"] * 100, b""], [500])
    row = np.concatenate([np.linspace(0.1, 0.2, 400), np.zeros(100), [-5.0]]).astype(np.float32)
    view = LogitsView("it", pieces, Ranking(row, pieces.silent))
    assert [candidate.piece for candidate in view.top(3)] == [b"x", b"w399", b"w398"]
    assert view.likeliest.logit == 0.0


def test_what_cannot_be_said_has_no_probability() -> None:
    pieces = ByteVocabulary([b"a", b"b", b""], ends=[2])
    view = LogitsView("it", pieces, Ranking(np.array([0.0, -np.inf, 0.0], np.float32)))
    assert [view.probability(piece) for piece in (b"a", b"b", END, b"c")] == pytest.approx([0.5, 0.0, 0.5, 0.0])
    assert [candidate.piece for candidate in view.top(9)] == [b"a", END]
