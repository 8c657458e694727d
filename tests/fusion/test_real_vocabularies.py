"""Decoding together at the vocabularies of real models: 128,256 and 151,936 tokens."""

from __future__ import annotations

import math
import weakref
from collections.abc import AsyncIterator, Sequence

import numpy as np
import pytest

from agentnet.contracts.sampling import Sampling
from agentnet.fusion.byte_vocabulary import END, Piece
from agentnet.fusion.loop import Fused, FusionLoop
from agentnet.fusion.members import LocalMember
from agentnet.fusion.strategies import DuetNet, Gated, MaxScore, Mean, Strategy, UniTE
from agentnet.fusion.tokenizer_view import tokenizer_view
from agentnet.models.base import Request
from agentnet.models.llama import LlamaModel
from agentnet.models.tokens import Row, hold
from benchmarks.generated import Chain
from benchmarks.generated.texts import TEXTS
from tests.real_vocabularies import LINE, tiny

ASK = Request(({"role": "user", "content": LINE},), Sampling(max_tokens=80))
SCIENCE = Chain(TEXTS["science"], ends=True)
LANGUAGES = Chain(TEXTS["languages"], ends=True)
STRATEGIES = [Mean(), UniTE(), DuetNet(values="logprobs"), Gated(Mean()), MaxScore()]


@pytest.fixture(params=["qwen2", "llama-bpe", "llama-spm"])
async def model(request: pytest.FixtureRequest) -> AsyncIterator[LlamaModel]:
    found = tiny(request.param, SCIENCE, sequences=2)
    yield found
    await found.close()


async def decoded(models: Sequence[LlamaModel], strategy: Strategy, *, bytewise: bool = False) -> Fused:
    sessions = [await one.open_session(ASK) for one in models]
    members = [LocalMember(str(number), session) for number, session in enumerate(sessions)]
    async with hold(sessions):
        agreeing = [member.by_bytes() for member in members] if bytewise else members
        return await FusionLoop(agreeing, strategy, limit=80).decode()


@pytest.mark.parametrize("bytewise", [False, True])
async def test_copies_say_what_the_model_says_alone(model: LlamaModel, bytewise: bool) -> None:
    alone = await model.generate(ASK)
    for strategy in STRATEGIES[:1] if bytewise else STRATEGIES:
        fused = await decoded([model, model], strategy, bytewise=bytewise)
        assert (fused.text, fused.finish) == (alone.text.lstrip(" "), "stop")
        assert fused.choices[-1].piece is END
        assert isinstance(strategy, Gated) or fused.retokenized == {"0": 0, "1": 0}
        if not bytewise:
            assert len(fused.choices) == alone.usage.completion_tokens


@pytest.mark.parametrize("bytewise", [False, True])
@pytest.mark.parametrize(
    "chain", [pytest.param(SCIENCE, id="english"), pytest.param(LANGUAGES, id="languages", marks=pytest.mark.slow)]
)
async def test_different_vocabularies_say_one_text(chain: Chain, bytewise: bool) -> None:
    """Also where characters have more than one byte, and the tokenizers cut them differently."""
    models = [tiny(name, chain) for name in ("qwen2", "llama-bpe", "llama-spm")]
    fused = await decoded(models, Mean(), bytewise=bytewise)
    assert (fused.text, fused.finish, fused.dropped) == (chain.text, "stop", {})
    if bytewise:
        assert len(fused.choices) == len(chain.text.encode()) + 1
        assert all(choice.score > 0.8 for choice in fused.choices)
    for one in models:
        await one.close()


async def test_what_a_view_tells_is_what_the_whole_row_says(model: LlamaModel) -> None:
    """In double precision over every token, the duplicates and several ends of a real vocabulary included."""
    session = await model.open_session(ASK)
    member = LocalMember("it", session)
    await member.append(b"")  # what follows is the middle of a text: its spaces belong to it
    view = await member.view()
    pieces = tokenizer_view(session).vocabulary
    row = (await (await model.open_session(ASK)).step([], Row())).astype(np.float64)
    weights: dict[Piece, float] = {}
    for token, weight in enumerate(np.exp(row - row.max()).tolist()):
        if token not in pieces.silent:
            weights[pieces.piece(token)] = weights.get(pieces.piece(token), 0.0) + weight
    whole = math.fsum(weights.values())
    ranked = sorted(weights, key=lambda piece: -weights[piece])[:40]
    for piece, candidate in zip(ranked, view.top(40), strict=True):
        assert math.exp(candidate.logprob) == pytest.approx(weights[piece] / whole, rel=1e-4)
    for piece in (*ranked[:5], END, b" the", b"\n"):
        assert view.probability(piece) == pytest.approx(weights[piece] / whole, rel=1e-4)

    by_bytes = LocalMember("it", await model.open_session(ASK)).by_bytes()
    await by_bytes.append(b"P")
    following = await by_bytes.view()
    longer = {piece: weight for piece, weight in weights.items() if piece and piece.startswith(b"P") and piece != b"P"}
    inside = math.fsum(longer.values())
    expected = math.fsum(weight for piece, weight in longer.items() if piece[1:2] == b"h") / inside
    alone = weights[b"P"] / (inside + weights[b"P"])
    assert following.probability(b"h") == pytest.approx(expected, abs=alone + 1e-4)


async def test_a_closed_model_leaves_nothing_of_its_vocabulary_behind() -> None:
    """At once, without waiting for Python to look for circles."""
    one = tiny("qwen2", SCIENCE)
    session = await one.open_session(ASK)
    fused = await FusionLoop([LocalMember("it", session)], Mean(), limit=4).decode()
    left = weakref.ref(tokenizer_view(session).vocabulary)
    assert fused.text
    await one.close()
    assert left() is None
