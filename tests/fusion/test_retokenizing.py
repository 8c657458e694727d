"""Spelling never loses or doubles a byte, whatever the tokenizer and the text."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentnet.errors import ModelError
from agentnet.fusion.byte_vocabulary import END, ByteVocabulary
from agentnet.fusion.logits_view import LogitsView
from agentnet.fusion.ranking import Ranking
from agentnet.fusion.retokenizing import BACK, Retokenizer
from agentnet.fusion.token_weights import TokenWeights
from agentnet.models.llama.vocabulary import Vocabulary
from benchmarks.generated.vocabularies import open_vocabulary
from tests.fusion.vocabularies import REAL, ZOO, retokenizer_of

WORDS = [
    "a",
    "the",
    " the",
    "668",
    "6",
    " ",
    "\n",
    "  \n",
    "<think>",
    "<|end|>",
    "é",
    "中文",
    "😀",
    "x = y*2;",
    "ñ",
    "\x00",
    "\t",
]
ENGLISH = (
    "The planet closest to the sun is Mercury. It takes 88 days to go around once, and it's hotter than you'd think: "
    "about 430 degrees by day.\n\nSo the answer is 88, not 365."
)
CODE = (
    "def area(width, height):\n    # in metres\n    if width < 0:\n        raise ValueError('no')\n\n"
    "    return width * height\n"
)
CHINESE = "水星是离太阳最近的行星。它绕太阳一周只需要八十八天，白天的温度大约是四百三十摄氏度。"
Made = tuple[Vocabulary, ByteVocabulary, Retokenizer]

if not REAL:
    REAL_OR_SKIP = [
        pytest.param(None, marks=pytest.mark.skip(reason="there are no real vocabularies: make bench-vocabularies"))
    ]
else:
    REAL_OR_SKIP = [pytest.param(path, id=path.stem) for path in REAL]


@pytest.fixture(scope="module", params=[*(pytest.param(path, id=path.stem) for path in ZOO), *REAL_OR_SKIP])
def made(request: pytest.FixtureRequest) -> Iterator[Made]:
    path: Path = request.param
    with open_vocabulary(path) as vocabulary:
        yield vocabulary, *retokenizer_of(vocabulary)


def says_all(made: Made, text: str) -> bool:
    """Whether a vocabulary has every byte of a text: the smallest ones of the zoo know ASCII only."""
    return all(made[1].tokens(bytes([byte])) for byte in text.encode())


texts = st.one_of(st.text(max_size=30), st.lists(st.sampled_from(WORDS), max_size=12).map("".join))
quiet = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(text=texts)
@quiet
def test_any_text_is_spelled_exactly(made: Made, text: str) -> None:
    _, _, retokenizer = made
    if says_all(made, text):
        assert retokenizer.text(retokenizer.tokens(text.encode())) == text.encode()
    else:
        with pytest.raises(ModelError, match="cannot spell"):
            retokenizer.tokens(text.encode())


@given(text=texts, cuts=st.lists(st.integers(0, 60), max_size=8))
@quiet
def test_appending_bit_by_bit_ends_with_the_same_bytes(made: Made, text: str, cuts: list[int]) -> None:
    """Cut anywhere, also within characters."""
    _, _, retokenizer = made
    if not says_all(made, text):
        return
    data, tokens, start = text.encode(), [], 0
    for cut in [*sorted(cuts), len(data)]:
        before = tokens
        if cut > start:
            tokens = retokenizer.append(tokens, data[start:cut])
            start = min(cut, len(data))
        assert retokenizer.text(tokens) == data[:start]
        same = next((n for n, pair in enumerate(zip(before, tokens, strict=False)) if pair[0] != pair[1]), len(before))
        assert len(before) - same <= BACK


@given(before=st.binary(max_size=4), text=st.lists(st.sampled_from(["a", " the", "\n"]), max_size=5).map("".join))
@quiet
def test_broken_bytes_do_not_spoil_the_spelling_behind_them(made: Made, before: bytes, text: str) -> None:
    _, pieces, retokenizer = made
    broken = before + b"\xff"
    if all(pieces.tokens(bytes([byte])) for byte in broken):
        assert retokenizer.tokens(broken + text.encode()) == [
            *retokenizer.tokens(broken),
            *retokenizer.tokens(text.encode()),
        ]


@pytest.mark.parametrize("text", [ENGLISH, CODE, CHINESE], ids=["english", "code", "chinese"])
def test_text_that_comes_in_foreign_pieces_ends_nearly_as_the_tokens_of_the_whole(made: Made, text: str) -> None:
    """Character by character, the worst case."""
    _, _, retokenizer = made
    if not says_all(made, text):
        return
    tokens: list[int] = []
    for character in text:
        tokens = retokenizer.append(tokens, character.encode())
    assert retokenizer.text(tokens) == text.encode()
    assert len(tokens) <= 1.06 * len(retokenizer.tokens(text.encode()))


@given(text=st.lists(st.sampled_from(WORDS[:8]), min_size=1, max_size=8).map("".join))
@quiet
def test_plain_text_is_spelled_as_the_tokenizer_does(made: Made, text: str) -> None:
    vocabulary, _, retokenizer = made
    tokens = vocabulary.tokens(text, begin=False, special=False)
    if retokenizer.text(tokens) == text.encode():
        assert retokenizer.tokens(text.encode()) == tokens


def test_every_piece_has_a_token_that_says_it(made: Made) -> None:
    vocabulary, pieces, _ = made
    for token in range(vocabulary.size):
        if token in pieces.silent:
            assert not vocabulary.piece(token)
            continue
        piece = pieces.piece(token)
        assert token in pieces.tokens(piece)
        said_with = pieces.token(piece)
        assert said_with is not None
        assert piece is END or vocabulary.piece(said_with) == piece
        assert (piece is END) == vocabulary.ends(said_with)
    assert not pieces.tokens(b"")


def test_probabilities_of_bytes_sum_to_one(made: Made) -> None:
    vocabulary, pieces, _ = made
    row = np.random.default_rng(0).normal(0, 3, vocabulary.size).astype(np.float32)
    weights = TokenWeights(pieces, row)
    beginning = pieces.beginning(b"")
    assert weights.following(beginning).sum() + weights.end == pytest.approx(weights.total)
    exact = np.exp(row - row.max(), dtype=np.float64)
    assert weights.total == pytest.approx(np.delete(exact, list(pieces.silent)).sum(), rel=1e-6)
    view = LogitsView("it", pieces, Ranking(row, pieces.silent))
    assert math.fsum(math.exp(one.logprob) for one in view.top(pieces.size)) == pytest.approx(1, abs=1e-5)


def test_what_the_vocabulary_lacks_is_an_error() -> None:
    pieces = ByteVocabulary([b"a", b""], ends=[1])
    retokenizer = Retokenizer("it", pieces, lambda text: [0] * text.count("a"))
    assert retokenizer.tokens(b"aa") == [0, 0]
    with pytest.raises(ModelError, match="it: its vocabulary cannot spell the byte 0x62"):
        retokenizer.tokens(b"ab")
