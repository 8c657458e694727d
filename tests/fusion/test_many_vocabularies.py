"""Members of different vocabularies follow one text: SentencePiece, byte pairs, and bytes alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentnet.fusion.byte_vocabulary import END
from agentnet.fusion.loop import Fused, FusionLoop
from agentnet.fusion.members import ByteMember, LocalMember, Member
from agentnet.fusion.strategies import Mean, UniTE
from agentnet.fusion.views import View
from agentnet.models.llama.vocabulary import Vocabulary
from agentnet.zoo import catalog
from benchmarks.generated.vocabularies import open_vocabulary, vocabulary_file
from tests.fusion.vocabularies import FOLDER, noise, pretend, write_sentencepiece

Vocabularies = dict[str, Vocabulary]
"""By name: `spm` opens a text with a space, the others do not."""

ABSENT = pytest.mark.skipif(FOLDER is None, reason="there are no real vocabularies: make bench-vocabularies")


@pytest.fixture(scope="module", params=["small", pytest.param("real", marks=ABSENT)])
def vocabularies(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vocabularies]:
    if request.param == "small":
        spm = write_sentencepiece(tmp_path_factory.mktemp("vocabulary") / "spm.gguf")
        paths = {"spm": spm, "bpe": catalog.path("facts"), "bytes": catalog.path("math")}
    else:
        real = {"spm": "llama-spm", "bpe": "qwen2", "other": "gpt-2"}
        paths = {name: vocabulary_file(stem) for name, stem in real.items()}
    with ExitStack() as stack:
        yield {name: stack.enter_context(open_vocabulary(path)) for name, path in paths.items()}


def token(vocabulary: Vocabulary, piece: bytes) -> int:
    """The last token that says just this."""
    return max(token for token in range(vocabulary.size) if vocabulary.piece(token) == piece)


class Says:
    """Logits of who says some tokens and ends, whatever else was said in between."""

    def __init__(self, vocabulary: Vocabulary, *tokens: int) -> None:
        end = next(token for token in range(vocabulary.size) if vocabulary.ends(token))
        self._size, self._tokens = vocabulary.size, [*tokens, end]

    def __call__(self, tokens: Sequence[int]) -> Any:
        row = np.zeros(self._size, np.float32)
        row[self._tokens[min(len(tokens), len(self._tokens) - 1)]] = 30.0
        return row


def says(name: str, vocabulary: Vocabulary, *pieces: bytes) -> LocalMember:
    return LocalMember(*pretend(name, vocabulary, Says(vocabulary, *(token(vocabulary, one) for one in pieces))))


async def together(*members: Member, strategy: Any = None, limit: int = 9) -> Fused:
    return await FusionLoop(members, strategy or Mean(), limit=limit).decode()


@pytest.mark.parametrize("strategy", [Mean(), UniTE()])
async def test_the_first_word_is_one_whether_or_not_its_token_has_a_space(
    vocabularies: Vocabularies, strategy: Any
) -> None:
    """Each cache holds the tokens that the model would have written."""
    spm, bpe = vocabularies["spm"], vocabularies["bpe"]
    one, other = says("spm", spm, b" The", b" is"), says("bpe", bpe, b"The", b" is")
    fused = await together(one, other, strategy=strategy)
    assert [choice.piece for choice in fused.choices] == [b"The", b" is", END]
    assert all(set(choice.shares) == {"spm", "bpe"} and choice.score > 0.99 for choice in fused.choices)
    assert one.tokens == [token(spm, b" The"), token(spm, b" is")]
    assert other.tokens == [token(bpe, b"The"), token(bpe, b" is")]
    assert fused.retokenized == {"spm": 0, "bpe": 0}


async def test_byte_by_byte_the_first_word_is_one_too(vocabularies: Vocabularies) -> None:
    members = [says("spm", vocabularies["spm"], b" The"), says("bpe", vocabularies["bpe"], b"The")]
    fused = await together(*(one.by_bytes() for one in members), limit=20)
    assert (fused.text, fused.finish) == ("The", "stop")
    assert all(choice.score > 0.99 for choice in fused.choices)


async def test_the_first_word_of_others_gets_the_space_that_belongs_to_it(vocabularies: Vocabularies) -> None:
    spm = vocabularies["spm"]
    one = says("spm", spm, b" The")
    await one.view()
    await one.append(b"no")
    assert one.tokens == [token(spm, b" no")]
    await one.append(b" answer")
    assert one.tokens == [token(spm, b" no"), token(spm, b" answer")]
    assert one.retokenized == 2


async def test_a_model_that_opens_with_the_space_alone_says_it_and_is_not_held_up(vocabularies: Vocabularies) -> None:
    """As SentencePiece does before what has no token with a space."""
    spm, bpe = vocabularies["spm"], vocabularies["bpe"]
    one, other = says("spm", spm, b" ", b"("), says("bpe", bpe, b"(")
    fused = await together(one, other)
    assert [choice.piece for choice in fused.choices] == [b"(", END]
    assert one.tokens == [token(spm, b" "), token(spm, b"(")]


CLOSES = 3
"""A control token of the small vocabulary: it says nothing."""


@pytest.mark.parametrize("limit", [20, 2])
async def test_thinking_ends_with_the_token_that_ends_it(tmp_path: Path, limit: int) -> None:
    """Also where that is a control token, and also where the model is cut off; the line behind it is no text either."""
    with open_vocabulary(write_sentencepiece(tmp_path / "spm.gguf")) as spm:
        is_, line, the = (token(spm, piece) for piece in (b" is", b"\n", b" The"))
        name, session = pretend("it", spm, Says(spm, is_, is_, CLOSES, line, the))
        one = LocalMember(name, session)
        assert await one.think(b"</think>", limit) == b" is is</think>"
        assert session.prompt == (is_, is_, CLOSES, line)
        fused = await together(one)
        assert (fused.text, one.tokens) == ("The", [the])


TEXTS = st.lists(
    st.sampled_from([" The", " answer", "is", "no", " ", "\n", "é", "日本", "😀", "\u0301", "  x", "668", "\0"])
    | st.text(max_size=3),
    max_size=8,
).map(lambda parts: "".join(parts).encode())
CUTS = st.lists(st.integers(1, 5), min_size=1, max_size=20)
quiet = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def cut(text: bytes, sizes: Sequence[int]) -> list[bytes]:
    """Anywhere, also within characters."""
    parts, start = [], 0
    for size in [*sizes, len(text)]:
        parts.append(text[start : start + size])
        start += size
    return [part for part in parts if part]


def whole(view: View, count: int = 1000) -> float:
    """The sum of the probabilities of the likeliest pieces."""
    return math.fsum(math.exp(candidate.logprob) for candidate in view.top(count))


@given(text=TEXTS, sizes=CUTS, seed=st.integers(0, 1000), looks=st.integers(0, 2**20))
@quiet
async def test_members_of_three_vocabularies_hold_one_text(
    vocabularies: Vocabularies, text: bytes, sizes: list[int], seed: int, looks: int
) -> None:
    """Whatever is said, and whoever has looked in between: nothing but the spaces in front may differ."""
    members = [
        LocalMember(*pretend(name, vocabulary, noise(vocabulary, seed))) for name, vocabulary in vocabularies.items()
    ]
    said = b""
    for step, piece in enumerate(cut(text, sizes)):
        for place, one in enumerate(members):
            if looks >> (step * len(members) + place) % 20 & 1:
                view = await one.view()
                if vocabularies[one.name].size < 1000:
                    assert whole(view) == pytest.approx(1, abs=1e-5)
        leads = [b"".join(map(vocabularies[one.name].piece, one.tokens)).removesuffix(said) for one in members]
        assert all(not lead.strip(b" ") for lead in leads)
        said += piece
        for one in members:
            await one.begin()
            await one.append(piece)
            spelled = b"".join(map(vocabularies[one.name].piece, one.tokens))
            assert spelled.endswith(said)
            assert not spelled.removesuffix(said).strip(b" ")
            assert not any(vocabularies[one.name].ends(token) for token in one.tokens)


@given(text=TEXTS, sizes=CUTS, seed=st.integers(0, 1000))
@settings(parent=quiet, max_examples=15)
async def test_marginals_of_three_vocabularies_sum_to_one_behind_any_bytes(
    vocabularies: Vocabularies, text: bytes, sizes: list[int], seed: int
) -> None:
    """Also behind half a character, and where what is said is unlikely for a member."""
    members = [
        ByteMember(*pretend(name, vocabulary, noise(vocabulary, seed))) for name, vocabulary in vocabularies.items()
    ]
    said = b""
    for piece in cut(text[:12], sizes):
        for one in members:
            view = await one.view()
            assert whole(view) == pytest.approx(1)
            await one.append(piece)
        said += piece
        for one in members:
            likeliest = b"".join(map(vocabularies[one.name].piece, one.tokens)).lstrip(b" ")
            assert said.lstrip(b" ").startswith(likeliest)
