"""The space in front of a reply: some tokenizers have it in the first word, and it is no part of the shared text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.sampling import Sampling
from agentnet.fusion.byte_vocabulary import END
from agentnet.fusion.strategies import Gated, Mean
from agentnet.models.base import Request
from agentnet.models.llama import LlamaModel
from tests.fusion.conftest import Scripted, member, together
from tests.models.llama.files import END as CHAIN_END
from tests.models.llama.files import letter, path_through, tokens_of, write_chain

SPACED, PLAIN = tokens_of(" 42"), tokens_of("42")


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[tuple[LlamaModel, LlamaModel]]:
    """Two models that say 42 and end: one of them has a space in front of it."""
    models = []
    for name, said in (("spaced", SPACED), ("plain", PLAIN)):
        path = write_chain(tmp_path / f"{name}.gguf", path_through(*said, CHAIN_END))
        models.append(LlamaModel(path, LlamaSpec(path=str(path), threads=1, context=64)))
    yield models[0], models[1]
    await asyncio.gather(*(model.close() for model in models))


@pytest.mark.parametrize("bytewise", [False, True])
async def test_the_space_in_front_of_a_reply_is_no_part_of_the_shared_text(
    two: tuple[LlamaModel, LlamaModel], bytewise: bool
) -> None:
    ask = Request(({"role": "user", "content": "?"},), Sampling(max_tokens=20))
    assert [(await model.generate(ask)).text for model in two] == [" 42", "42"]
    members = [await member(model, name, ask) for model, name in zip(two, ("spaced", "plain"), strict=True)]
    fused = await together([one.by_bytes() if bytewise else one for one in members])
    assert (fused.text, fused.finish) == ("42", "stop")
    assert [choice.piece for choice in fused.choices] == [b"4", b"2", END]
    assert all(set(choice.shares) == {"spaced", "plain"} for choice in fused.choices)
    assert fused.choices[0].score > 0.99
    if not bytewise:
        assert [one.tokens for one in members] == [SPACED, PLAIN]
        assert fused.retokenized == {"spaced": 0, "plain": 0}


@pytest.mark.parametrize("bytewise", [False, True])
async def test_who_is_first_asked_later_begins_as_it_would_have(
    two: tuple[LlamaModel, LlamaModel], bytewise: bool
) -> None:
    """The leader was sure of the first piece, so the other has not looked when it hears it."""
    ask = Request(({"role": "user", "content": "?"},), Sampling(max_tokens=20))
    spaced = await member(two[0], "spaced", ask)
    other = spaced.by_bytes() if bytewise else spaced
    said = [(b"4", 0.95), (b"2", 0.6)]
    fused = await together([Scripted("leader", said), other], Gated(Mean(), sure=0.9), limit=2)
    assert fused.text == "42"
    assert [set(choice.shares) for choice in fused.choices] == [{"leader"}, {"leader", "spaced"}]
    assert fused.choices[1].shares["spaced"] == pytest.approx(0.5, abs=0.01)
    assert list(other.tokens) == SPACED[:2]


async def test_a_space_that_was_said_by_all_is_part_of_the_text(tmp_path: Path) -> None:
    """This model would go on with spaces for ever: none of them is taken for that in front of its reply."""
    space = letter(" ")
    path = write_chain(tmp_path / "spaces.gguf", {letter(">"): {letter("a"): 20.0}, space: {space: 20.0}})
    model = LlamaModel(path, LlamaSpec(path=str(path), threads=1, context=64))
    one = await member(model, "one", Request(({"role": "user", "content": "?"},), Sampling(max_tokens=20)))
    await one.view()
    await one.append(b" ")
    assert (await one.view()).likeliest.piece == b" "
    assert one.tokens == [space]
    await model.close()


async def test_a_space_that_belongs_to_the_first_word_is_said_with_it(zoo: Callable[[str], LlamaModel]) -> None:
    """Behind ``=>``, one vocabulary has ` 632` begin with its space, the other has a token for the space alone."""
    names = ("sage", "math")
    members = [await member(zoo(name), name) for name in names]
    for one in members:
        assert (await one.think(b"=>", 60)).endswith(b"=>")
    fused = await together(members)
    assert fused.text == "632"
    for one in members:
        assert b"".join(zoo(one.name)._vocabulary.piece(token) for token in one.tokens) == b" 632"
